"""What probes make of the customers' ledger."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from drills.probes import View, accepts_bookings, refuses_bookings
from drills.probes.customers import Customers
from drills.site import Host, Site


@dataclass
class Ledger:
    """A ledger whose last moment is now; `t` counts backwards from it."""

    folder: Path
    lines: list[dict[str, Any]] = field(default_factory=list)
    n: int = 0

    def opened(self, ago: float) -> Ledger:
        self.lines.append({"kind": "opened", "t": -ago})
        return self

    def answers(self, first: float, last: float, *, good: bool, every: float = 0.02, took: float = 0.005) -> Ledger:
        """Answers to requests sent from `first` to `last` seconds ago."""
        for number in range(round((first - last) / every)):
            sent = -first + number * every
            self.sent(sent)
            self.lines.append({"kind": "answered", "n": self.n, "t": sent + took, "good": good})
        return self

    def sent(self, t: float) -> Ledger:
        self.n += 1
        self.lines.append({"kind": "sent", "n": self.n, "due": t, "t": t})
        return self

    def view(self) -> View:
        (self.folder / "ledger.jsonl").write_text("".join(json.dumps(line) + "\n" for line in self.lines))
        customers = Customers(self.folder, time.monotonic())
        site = Site(Path("inventories/lab"), {"db1": Host("db1")}, {}, {})
        return View(site, lambda: customers)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path).opened(10)


def accepts(ledger: Ledger) -> bool:
    return accepts_bookings().look(ledger.view()).ok


def refuses(ledger: Ledger) -> bool:
    return refuses_bookings().look(ledger.view()).ok


def test_good_answers_all_the_time_are_accepted_and_not_refused(ledger: Ledger) -> None:
    ledger.answers(10, 0.01, good=True)
    assert accepts(ledger)
    assert not refuses(ledger)


def test_one_bad_answer_among_good_ones_is_no_outage_but_not_steady(ledger: Ledger) -> None:
    ledger.answers(10, 1, good=True).answers(1, 0.98, good=False).answers(0.98, 0.01, good=True)
    assert not accepts(ledger)
    assert not refuses(ledger)


def test_bad_answers_alone_for_a_third_of_a_second_are_an_outage(ledger: Ledger) -> None:
    ledger.answers(10, 0.35, good=True).answers(0.35, 0.01, good=False)
    assert refuses(ledger)
    assert not accepts(ledger)


def test_requests_that_nobody_answers_are_an_outage_before_their_timeout(ledger: Ledger) -> None:
    ledger.answers(10, 0.5, good=True)
    for number in range(25):
        ledger.sent(-0.5 + number * 0.02)
    assert refuses(ledger)
    assert not accepts(ledger)


def test_a_hiccup_of_a_tenth_of_a_second_is_no_outage(ledger: Ledger) -> None:
    ledger.answers(10, 0.12, good=True).answers(0.12, 0.01, good=False)
    assert not refuses(ledger)


def test_good_answers_for_less_than_the_wanted_time_are_not_yet_accepted(ledger: Ledger) -> None:
    ledger.answers(10, 2, good=False).answers(2, 0.01, good=True)
    assert not accepts(ledger)


def test_a_good_answer_long_ago_is_not_accepted(ledger: Ledger) -> None:
    ledger.answers(10, 1, good=True)
    assert not accepts(ledger)


def test_a_ledger_that_nobody_has_written_yet_is_neither(tmp_path: Path) -> None:
    empty = Ledger(tmp_path)
    assert not accepts(empty)
    assert not refuses(empty)
