"""How the customers' requests were answered: how many well, how fast, and by which release."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drills.measurement.watch import clock_start, failed_since

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drills.journal import Journal, Sample


@dataclass(frozen=True)
class Answers:
    """How the customers' requests were answered once the clock had started.

    `good` and `failed` count requests that left, `missed` the ticks at which none could; `failed_before`
    counts what went wrong before the clock started.
    """

    good: int
    failed: int
    missed: int
    failed_before: int


@dataclass(frozen=True)
class Latency:
    """How long answers took, good or not, in seconds; None where there was none.

    Each percentile is the time that at least so many percent of the answers did not exceed.
    """

    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    slowest_s: float | None

    def told(self) -> str:
        """The four figures in words."""
        if self.slowest_s is None:
            return "nothing was answered"
        return (
            f"half of the answers took {self.p50_s:.3f} s at most, 95 % {self.p95_s:.3f} s, 99 % {self.p99_s:.3f} s, "
            f"the slowest {self.slowest_s:.3f} s"
        )


def answers(journal: Journal) -> Answers:
    """Count them."""
    clock = clock_start(journal)
    started = float("inf") if clock is None else clock.t
    bad = [sample for sample in journal.samples if clock is not None and failed_since(sample, started)]
    missed = sum(sample.sent is None for sample in bad)
    return Answers(
        good=sum(sample.good and sample.moment >= started for sample in journal.samples),
        failed=len(bad) - missed,
        missed=missed,
        failed_before=sum(not sample.good for sample in journal.samples) - len(bad),
    )


def latency(samples: Iterable[Sample], started: float) -> Latency:
    """How long the answers took that came at or after `started`, in seconds since the anchor."""
    return percentiles(
        [sample.took_s for sample in samples if sample.took_s is not None and (sample.ended or started) >= started]
    )


def percentiles(times: list[float]) -> Latency:
    """The percentiles of so many times, in seconds."""
    took = sorted(times)
    if not took:
        return Latency(None, None, None, None)
    p50, p95, p99, slowest = (round(took[math.ceil(share * len(took)) - 1], 6) for share in (0.5, 0.95, 0.99, 1.0))
    return Latency(p50, p95, p99, slowest)


def releases(journal: Journal) -> Mapping[str, int]:
    """How many answers of the whole run each release gave, by its digest, in the order of its first answer."""
    return Counter(sample.release for sample in _by_answer(journal) if sample.release is not None)


def _by_answer(journal: Journal) -> list[Sample]:
    return sorted(journal.samples, key=lambda sample: sample.ended or 0.0)
