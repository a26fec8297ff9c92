"""The customers' view: from the clock's start to the end of the ledger, what failed and when it ended.

The clock starts with the fault; in a drill without a fault (a planned switchover) it starts with the first
runbook. A request that failed, a tick that was missed and a silence of the workload all count as down: what
was not seen is not up.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from drills.measurement.runbooks import running_at

if TYPE_CHECKING:
    from drills.journal import Entry, Journal, Sample

STABLE_SECONDS = 2.0
"""How long the service must answer without one failure, in seconds, before it counts as recovered."""

SILENCE_TICKS = 5
SILENCE_SECONDS = 0.25
"""The workload was blind when it asked nothing for longer than both of these: so many ticks, and seconds."""


class Recovery(StrEnum):
    """How the customers' outage ended."""

    UNSEEN = "unseen"  # nobody watched, or not for long enough to say
    NO_FAILURE = "no_failure"  # there was no outage
    RECOVERED = "recovered"  # good answers alone, for STABLE_SECONDS at least, up to the watch's end
    NOT_STABLE = "not_stable"  # good answers at the end, but not for long enough
    BY_HEAL = "by_heal"  # good answers only once the drill itself had undone the fault
    DOWN = "down"  # no good answer after the last failure


@dataclass(frozen=True)
class Failure:
    """The customers were not served; `begin` and `until` are seconds since the anchor."""

    begin: float
    until: float
    because: str
    silence: bool = False


@dataclass(frozen=True)
class Watch:
    """What was seen from `started` to `ended`, in seconds since the anchor.

    `clock` names the entry that started the clock: fault_started or runbook_started. `closed` is false when
    the workload died, so that the time after `ended` is unknown. `sampling_error_s` is the longest time
    between two requests at the edges of the outage, and the planned interval at least.
    """

    clock: str
    started: float
    ended: float
    closed: bool
    failures: tuple[Failure, ...]
    asked: int
    first_success: float | None
    heal_started: float | None
    down_s: float
    sampling_error_s: float | None

    @property
    def first_failure(self) -> float | None:
        """When the customers first were not served."""
        return self.failures[0].begin if self.failures else None

    @property
    def last_failure(self) -> float | None:
        """When the customers last were seen not to be served."""
        return max(failure.until for failure in self.failures) if self.failures else None

    @property
    def unaided_end(self) -> float:
        """When the watch ended, or the heal began to help."""
        return self.ended if self.heal_started is None else min(self.ended, self.heal_started)

    @property
    def recovery(self) -> Recovery:
        """How the outage ended, as far as was seen."""
        if not self.asked or (not self.failures and self.unaided_end - self.started < STABLE_SECONDS):
            return Recovery.UNSEEN
        if not self.failures:
            return Recovery.NO_FAILURE
        if self.first_success is None:
            return Recovery.DOWN
        if self.heal_started is not None and self.first_success >= self.heal_started:
            return Recovery.BY_HEAL
        stable = self.unaided_end - self.first_success >= STABLE_SECONDS
        return Recovery.RECOVERED if stable else Recovery.NOT_STABLE


def clock_start(journal: Journal) -> Entry | None:
    """The entry that starts the clock: the first fault or, where there is none, the first runbook."""
    return journal.first("fault_started") or journal.first("runbook_started")


def first_touch(journal: Journal) -> Entry | None:
    """The entry with which the drill first touched the site: a fault or a runbook, whichever came first."""
    return next((entry for entry in journal.entries if entry.kind in {"fault_started", "runbook_started"}), None)


def watch(journal: Journal, clock: Entry | None = None) -> Watch | None:
    """What the customers saw; None when no clock was started or no request was made.

    Args:
        journal: The run.
        clock: The entry from which on they are watched; that which starts the drill's clock, if not given.
    """
    clock = clock or clock_start(journal)
    if clock is None or not journal.samples or journal.ledger_opened is None:
        return None
    interval = float(journal.ledger_opened["interval_s"])
    limit = max(SILENCE_TICKS * interval, SILENCE_SECONDS)
    ended, heal = _end(journal, limit), journal.first("heal_started")
    failures = sorted(
        [*_failed(journal, clock.t), *_silences(journal, clock.t, ended, limit)],
        key=lambda failure: failure.begin,
    )
    success = _first_success(journal, clock.t, failures)
    return Watch(
        clock=clock.kind,
        started=clock.t,
        ended=ended,
        closed=journal.ledger_closed is not None,
        failures=tuple(failures),
        asked=sum(sample.moment >= clock.t for sample in journal.samples),
        first_success=None if success is None else success.ended,
        heal_started=None if heal is None else heal.t,
        down_s=_down_s(journal, clock.t, ended, limit),
        sampling_error_s=_sampling_error_s(journal, clock.t, failures, success, interval),
    )


def unseen(journal: Journal, seen: Watch) -> str | None:
    """What may have happened that the watch could not see, so that nothing is proved; None if nothing."""
    if not seen.closed:
        return f"the workload died at {seen.ended - seen.started:.2f} s"
    # Until the next request is due, nothing is unseen.
    interval = 0.0 if journal.ledger_opened is None else float(journal.ledger_opened["interval_s"])
    if running := running_at(journal, seen.ended, patience=interval):
        return f"the watch ended while this runbook was still running: {', '.join(running)}"
    return None


def failed_since(sample: Sample, started: float) -> bool:
    """Whether this request failed at or after `started`, or was on its way then and failed."""
    if sample.good:
        return False
    on_its_way = sample.sent is not None and (sample.ended is None or sample.ended >= started)
    return sample.moment >= started or on_its_way


def _end(journal: Journal, limit: float) -> float:
    """The last tick; later, if the workload closed its ledger only long after it."""
    last = max(sample.moment for sample in journal.samples)
    if journal.ledger_closed is None or journal.ledger_opened is None:
        return last
    closed = float(journal.ledger_closed["t"])
    # a workload that stops in good order still waits for the answers that are on their way
    patience = float(journal.ledger_opened["timeout_s"]) + limit
    return last if closed - last <= patience else closed


def _failed(journal: Journal, started: float) -> list[Failure]:
    failed = (sample for sample in journal.samples if failed_since(sample, started))
    return [
        Failure(max(sample.moment, started), max(sample.moment, started), sample.because or sample.outcome)
        for sample in failed
    ]


def _silences(journal: Journal, started: float, ended: float, limit: float) -> list[Failure]:
    """The times at which nothing was asked, by the grid of ticks and by the requests that really left."""
    silences = set()
    for times in (
        sorted(sample.due for sample in journal.samples),
        sorted(sample.moment for sample in journal.samples),
    ):
        for before, after in pairwise([*times, max(ended, times[-1])]):
            if after - before > limit and after > started:
                silences.add((max(before, started), after))
    return [
        Failure(begin, until, f"nothing was asked for {until - begin:.2f} s", silence=True) for begin, until in silences
    ]


def _first_success(journal: Journal, started: float, failures: list[Failure]) -> Sample | None:
    """The earliest good answer to a request that left after the last failure."""
    failed = max((failure.until for failure in failures if not failure.silence), default=float("-inf"))
    silent = max((failure.until for failure in failures if failure.silence), default=float("-inf"))
    successes = (
        sample
        for sample in journal.samples
        if sample.good and sample.moment >= max(started, silent) and sample.moment > failed
    )
    return min(successes, key=lambda sample: sample.ended or 0.0, default=None)


def _down_s(journal: Journal, started: float, ended: float, limit: float) -> float:
    """The sum of all times down: each answer speaks for the time until the next request."""
    seen = [
        (max(sample.moment, started), not sample.good)
        for sample in journal.samples
        if sample.moment >= started or failed_since(sample, started)
    ]
    seen.sort()
    spans = pairwise([*seen, (max(ended, started), False)])
    return sum(after - before for (before, bad), (after, _) in spans if bad or after - before > limit)


def _sampling_error_s(
    journal: Journal, started: float, failures: list[Failure], success: Sample | None, interval: float
) -> float | None:
    """The longest time between two consecutive requests around the two edges of the outage."""
    moments = sorted(sample.moment for sample in journal.samples)
    edges = [failures[0].begin if failures else started]
    if success is not None:
        edges.append(success.moment)
    around = [_gap_before(moments, edge) for edge in edges]
    # where the outage begins or ends with a silence, its edge lies anywhere within that silence
    around += [failure.until - failure.begin for failure in (*failures[:1], *failures[-1:]) if failure.silence]
    known = [gap for gap in around if gap is not None]
    # two rivals ask at once, which makes the watch no finer than its planned interval
    return max(*known, interval) if known else None


def _gap_before(moments: list[float], edge: float) -> float | None:
    """The time between the first request at or after `edge` and the one before it."""
    after = bisect_left(moments, edge)
    return moments[after] - moments[after - 1] if 0 < after < len(moments) else None
