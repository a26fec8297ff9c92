"""The figures of bench/renewal.py, from ledgers made by hand."""

from __future__ import annotations

import pytest
from renewal import Round, RoundFailedError, figures

from drills.handshakes import Handshake, HandshakeLedger


def ledger(*outcomes: tuple[float, str, str | None]) -> HandshakeLedger:
    made = (
        Handshake(n, due, due, due + 0.01, due + 0.02, outcome, serial)
        for n, (due, outcome, serial) in enumerate(outcomes)
    )
    return HandshakeLedger(tuple(made), {}, {})


def test_the_first_that_was_shown_another_certificate_counts() -> None:
    seen = ledger((0.5, "good", "A"), (1.5, "good", "A"), (2.0, "reset", None), (2.5, "good", "B"), (3.0, "good", "B"))
    assert figures(seen, began=1.0, ended=4.0) == Round(seen_s=1.51, wall_s=3.0, handshakes=4, failed=1)


def test_a_certificate_that_nobody_saw_is_no_figure() -> None:
    with pytest.raises(RoundFailedError, match="of 2 handshakes none"):
        figures(ledger((0.5, "good", "A"), (1.5, "good", "A"), (2.0, "reset", None)), began=1.0, ended=4.0)
