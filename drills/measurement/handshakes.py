"""How those fared who opened new TLS connections all the time: how many, how fast, and which certificates they saw."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from drills.measurement.answers import Latency, percentiles
from drills.measurement.watch import SILENCE_SECONDS, SILENCE_TICKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drills.handshakes import Handshake, HandshakeLedger
    from drills.journal import Entry, Journal


@dataclass(frozen=True)
class Certificate:
    """A certificate that was seen, and when first and last, in seconds since the anchor."""

    serial: str
    fingerprint: str
    not_after: str
    first: float
    last: float
    times: int


@dataclass(frozen=True)
class Handshakes:
    """The handshakes from `started` on, in seconds since the anchor.

    `failed` counts them by what went wrong, those that could not be begun as missed. `silences` are the times in
    which none was begun. `latency` speaks for the good ones. `certificates` are in the order in which they were seen.
    """

    started: float
    good: int
    failed: Mapping[str, int]
    first_failure: Handshake | None
    silences: tuple[tuple[float, float], ...]
    latency: Latency
    certificates: tuple[Certificate, ...]
    ended: float
    closed: bool

    @property
    def tried(self) -> int:
        """All of them."""
        return self.good + sum(self.failed.values())

    def document(self, start: float) -> dict[str, Any]:
        """The figures as one JSON document; times are seconds since `start`."""
        return {
            "tried": self.tried,
            "good": self.good,
            "failed": dict(self.failed),
            "silences": len(self.silences),
            "latency": asdict(self.latency),
            "certificates": [
                asdict(one) | {"first": round(one.first - start, 6), "last": round(one.last - start, 6)}
                for one in self.certificates
            ],
        }


def handshakes(journal: Journal, clock: Entry | None) -> Handshakes | None:
    """What those saw who shook hands from `clock` on; None when nobody was to, or no clock was started."""
    ledger = journal.handshakes
    if ledger is None or ledger.opened is None or clock is None:
        return None
    # one that was on its way when the clock started counts as well
    seen = [one for one in ledger.handshakes if (one.moment if one.ended is None else one.ended) >= clock.t]
    bad = [one for one in seen if not one.good]
    return Handshakes(
        started=clock.t,
        good=len(seen) - len(bad),
        failed=dict(Counter(one.outcome for one in bad)),
        first_failure=bad[0] if bad else None,
        silences=tuple(_silences(ledger, clock.t)),
        latency=percentiles([one.took_s for one in seen if one.good and one.took_s is not None]),
        certificates=tuple(_certificates(seen)),
        ended=_ended(ledger, seen, clock.t),
        closed=ledger.closed is not None,
    )


def _ended(ledger: HandshakeLedger, seen: list[Handshake], started: float) -> float:
    if ledger.closed is not None:
        return float(ledger.closed["t"])
    return max((one.moment for one in seen), default=started)


def _silences(ledger: HandshakeLedger, started: float) -> list[tuple[float, float]]:
    """The times in which no handshake was begun, though several were due."""
    interval = float((ledger.opened or {})["interval_s"])
    limit = max(SILENCE_TICKS * interval, SILENCE_SECONDS)
    moments = sorted(one.moment for one in ledger.handshakes)
    if moments and ledger.closed is not None:
        # a workload that stops in good order still waits for the answers that are on their way
        closed = float(ledger.closed["t"]) - float((ledger.opened or {})["timeout_s"])
        moments.append(max(closed, moments[-1]))
    return [
        (max(before, started), after)
        for before, after in pairwise(moments)
        if after - before > limit and after > started
    ]


def _certificates(seen: list[Handshake]) -> list[Certificate]:
    found: dict[str, list[Handshake]] = {}
    for one in sorted(seen, key=lambda one: one.ended or one.moment):
        if one.fingerprint is not None:
            found.setdefault(one.fingerprint, []).append(one)
    return [
        Certificate(
            str(those[0].serial),
            fingerprint,
            str(those[0].not_after),
            min(one.moment for one in those),
            max(one.moment for one in those),
            len(those),
        )
        for fingerprint, those in found.items()
    ]
