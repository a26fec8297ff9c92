"""The drill of a signing key that has leaked, on the real lab; and the two ways in which it must not be met."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.terminal import SABOTAGE
from tests.lab.test_sabotage import judgement, verdict
from tests.lab.test_scenarios import figures

if TYPE_CHECKING:
    from tests.lab.terminal import Terminal

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

MISSED, UNPROVED = 1, 2


def test_a_leaked_key_is_soon_worth_nothing(terminal: Terminal, recoveries: dict[str, str]) -> None:
    ended = terminal.drill("signing_key_leaked")
    seen = ended.document["forgeries"]
    recoveries["signing_key_leaked"] = (
        f"the key was worth nothing after {seen['dead_after_s']} s; {figures(ended.document)}"
    )
    assert verdict(ended) == ("met", 0), ended
    assert seen["answers"][0]["outcome"] == "accepted", ended
    assert judgement(ended, "forgeries_refused_within")["measured"] == seen["dead_after_s"], ended
    assert "Forged tokens" in (ended.folder / "report.md").read_text(), ended


def test_a_key_that_nobody_revokes_is_missed_and_revoked_by_the_heal(terminal: Terminal) -> None:
    ended = terminal.drill("key_that_nobody_revokes", program=SABOTAGE)
    assert verdict(ended) == ("missed", MISSED), ended
    assert {one["outcome"] for one in ended.document["forgeries"]["answers"]} == {"accepted"}, ended


@pytest.mark.long
def test_a_forger_with_another_key_proves_nothing(terminal: Terminal) -> None:
    ended = terminal.drill("wrong_key_leaked", program=SABOTAGE)
    assert verdict(ended) == ("void", UNPROVED), ended
    assert any("WrongKeyLeaked" in reason and "did not take" in reason for reason in ended.document["reasons"]), ended
    assert judgement(ended, "forgeries_refused_within")["outcome"] == "unknown", ended
