"""Backups are damaged on the real lab: each damage is caught, and a check that is blind is a missed drill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.terminal import SABOTAGE
from tests.lab.test_sabotage import judgement, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.cluster import Cluster
    from tests.lab.terminal import Terminal

pytestmark = pytest.mark.lab

MET, MISSED, UNPROVED = 0, 1, 2
LEFT = (
    "find /var/lib/pgbackrest* /etc/pgbackrest /var/tmp -name '*before_drill*' -o -name '*another*'; pg_lsclusters -h"
)


@pytest.fixture
def unharmed(lab: Cluster) -> Cluster:
    """The lab with nothing beside its backups, before and after."""
    assert lab.at("backup1", LEFT) == ""
    return lab


@pytest.fixture
def counted_again(terminal: Terminal) -> Iterator[None]:
    """Whatever the test backs up, the newest backup after it is one whose rows were counted: others restore that."""
    yield
    backed_up = terminal.playbook("backup")
    assert backed_up.code == 0, backed_up


@pytest.mark.long
def test_every_damage_is_caught_and_customers_notice_nothing(terminal: Terminal, unharmed: Cluster) -> None:
    ended = terminal.drill("broken_backups")
    assert verdict(ended) == ("met", MET), ended
    assert "10 of 10" in judgement(ended, "every_damage_caught")["because"], ended
    assert unharmed.at("backup1", LEFT) == ""
    assert "pgbackrest" in unharmed.sql(unharmed.primary, "SHOW archive_command"), ended.where
    assert "What was damaged, and who said so" in (ended.folder / "report.md").read_text(), ended.where


@pytest.mark.usefixtures("counted_again")
def test_a_verification_that_counts_no_rows_is_a_missed_drill(
    terminal: Terminal, unharmed: Cluster, uncounted_inventory: Path
) -> None:
    ended = terminal.type("run", "copy_emptied", "-i", str(uncounted_inventory), "--json", program=SABOTAGE)
    assert verdict(ended) == ("missed", MISSED), ended
    found = judgement(ended, "every_damage_caught")
    assert (found["outcome"], found["measured"]) == ("missed", 1.0), ended
    assert "the manifest counted no database" in found["because"], ended
    assert unharmed.at("backup1", LEFT) == ""


@pytest.mark.long
def test_a_damage_that_is_none_proves_nothing(terminal: Terminal, unharmed: Cluster) -> None:
    ended = terminal.drill("copy_left_alone", program=SABOTAGE)
    assert verdict(ended) == ("void", UNPROVED), ended
    assert judgement(ended, "every_damage_caught")["outcome"] == "unknown", ended
    assert unharmed.at("backup1", LEFT) == ""
