"""Stamps, durations and counts: everything that a report prints, worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drills.measurement.answers import Answers, Latency, answers, latency, releases
from drills.measurement.forgeries import Forgeries, forgeries
from drills.measurement.handshakes import Handshakes, handshakes
from drills.measurement.runbooks import FollowedRunbook, followed_runbooks
from drills.measurement.watch import STABLE_SECONDS, Recovery, Watch, clock_start, first_touch, watch
from drills.measurement.writes import Writes, account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drills.journal import Entry, Journal


@dataclass(frozen=True)
class Measurement:
    """The figures of a run.

    `stamps` are seconds since the anchor and `durations` are seconds; what was not seen is None.
    `sampling_interval_s` is the planned time between two requests, `sampling_error_s` the longest real one at
    the edges of the outage: no time of the outage is known more precisely than this. `latency` speaks for the
    answers since the clock started, `releases` counts those of the whole run by the release that gave them.
    `handshakes` are those since the site was first touched, None where nobody was to shake hands; `forgeries` are the
    tokens that were forged with a leaked key, None where none were to be.
    """

    watch: Watch | None
    recovery: Recovery
    stamps: Mapping[str, float | None]
    durations: Mapping[str, float | None]
    answers: Answers
    latency: Latency
    releases: Mapping[str, int]
    writes: Writes
    sampling_interval_s: float | None
    sampling_error_s: float | None
    handshakes: Handshakes | None
    forgeries: Forgeries | None

    @property
    def clock_started(self) -> float | None:
        """When the clock of the drill started, in seconds since the anchor."""
        fault = self.stamps["fault_started"]
        return self.stamps["runbook_started"] if fault is None else fault


def measure(journal: Journal) -> Measurement:
    """Work out all figures of a run."""
    seen = watch(journal)
    stamps = _stamps(journal, seen)
    opened, clock = journal.ledger_opened, clock_start(journal)
    return Measurement(
        watch=seen,
        recovery=Recovery.UNSEEN if seen is None else seen.recovery,
        stamps=stamps,
        durations=_durations(journal, seen, stamps),
        answers=answers(journal),
        latency=latency(journal.samples, float("inf") if clock is None else clock.t),
        releases=releases(journal),
        writes=account(journal),
        sampling_interval_s=None if opened is None else float(opened["interval_s"]),
        sampling_error_s=None if seen is None else seen.sampling_error_s,
        handshakes=handshakes(journal, first_touch(journal)),
        forgeries=forgeries(journal),
    )


def _stamps(journal: Journal, seen: Watch | None) -> dict[str, float | None]:
    """In the order of the story; of several faults or detections the first one counts, and so of the runbooks.

    A runbook that was started before the clock prepared the story; it repaired nothing.
    """
    clock = clock_start(journal)
    repairs = [one for one in followed_runbooks(journal) if clock is not None and one.started.t >= clock.t]
    success = None if seen is None else seen.first_success
    stable = seen is not None and success is not None and seen.ended - success >= STABLE_SECONDS
    return {
        "fault_started": _t(journal.first("fault_started")),
        "fault_confirmed": _t(journal.first("fault_confirmed")),
        "first_failure": None if seen is None else seen.first_failure,
        "detected": _t(journal.first("detected")),
        "runbook_started": repairs[0].started.t if repairs else None,
        "runbook_ended": _t(_repair_end(repairs, seen)),
        "first_success": success if seen is not None and seen.failures else None,
        "stable": success + STABLE_SECONDS if stable and success is not None and seen and seen.failures else None,
    }


def _repair_end(runbooks: list[FollowedRunbook], seen: Watch | None) -> Entry | None:
    """The end of the last of these runbooks that was started before customers were served again.

    A runbook that was started afterwards tidies up; its time is no part of the repair.
    """
    repairs = runbooks
    if seen is not None and seen.recovery is Recovery.NO_FAILURE:
        repairs = runbooks[:1]
    elif seen is not None and seen.first_success is not None:
        served = seen.first_success
        repairs = [one for one in runbooks if one.started.t < served] or runbooks[:1]
    return repairs[-1].ended if repairs else None


def _durations(journal: Journal, seen: Watch | None, stamps: Mapping[str, float | None]) -> dict[str, float | None]:
    recovery = Recovery.UNSEEN if seen is None else seen.recovery
    served = recovery is Recovery.RECOVERED
    spared = recovery is Recovery.NO_FAILURE
    ended = served or recovery is Recovery.BY_HEAL
    success = stamps["first_success"]
    return {
        "recovery_s": 0.0 if spared else _between(_t(clock_start(journal)), success if served else None),
        "outage_s": 0.0 if spared else _between(stamps["first_failure"], success if ended else None),
        "detection_s": _between(stamps["fault_started"], stamps["detected"]),
        "decision_s": _between(stamps["detected"], stamps["runbook_started"]),
        "runbook_s": _between(stamps["runbook_started"], stamps["runbook_ended"]),
        "settle_s": _between(stamps["runbook_ended"], success if served else None),
        "down_s": None if seen is None else round(seen.down_s, 6),
    }


def _t(entry: Entry | None) -> float | None:
    return None if entry is None else entry.t


def _between(begin: float | None, end: float | None) -> float | None:
    return None if begin is None or end is None else round(end - begin, 6)
