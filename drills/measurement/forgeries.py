"""How a forger fared from the leak of the signing key on: how long forged tokens were accepted, and since when not."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from drills.forgeries import ACCEPTED, REFUSED
from drills.measurement.watch import SILENCE_SECONDS, SILENCE_TICKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drills.forgeries import Forgery
    from drills.journal import Entry, Journal

LEAK = "SigningKeyLeaked"


@dataclass(frozen=True)
class Answers:
    """All forged tokens that were answered alike: how many, the first and the last of them in seconds since the anchor.

    `because` is the reason that was given most often; empty where none was.
    """

    outcome: str
    times: int
    first: float
    last: float
    because: str


@dataclass(frozen=True)
class Forgeries:
    """The forged tokens from `leaked` on, up to the end of the watch or to the heal; in seconds since the anchor.

    `last_accepted` is the end of the last that was accepted, None if none was. From `refused_from` on every one was
    refused, and none was missing; None if the last one was not. `ended` is when the last one was shown.
    """

    leaked: float
    kid: str | None
    answers: tuple[Answers, ...]
    last_accepted: float | None
    refused_from: float | None
    ended: float
    closed: bool

    @property
    def tried(self) -> int:
        """All of them."""
        return sum(one.times for one in self.answers)

    @property
    def dead_after_s(self) -> float | None:
        """How long after the leak it is known that the key is worth nothing any more."""
        if self.last_accepted is None or self.refused_from is None:
            return None
        return round(max(self.last_accepted, self.refused_from) - self.leaked, 6)

    def told(self) -> str:
        """The figures in a few words."""
        return f"of {self.tried} forged tokens " + (
            ", ".join(f"{one.times} {one.outcome}" for one in self.answers) or "none was shown"
        )

    def document(self, start: float) -> dict[str, Any]:
        """The figures as one JSON document; times are seconds since `start`."""
        return {
            "tried": self.tried,
            "kid": self.kid,
            "dead_after_s": self.dead_after_s,
            "answers": [
                asdict(one) | {"first": round(one.first - start, 6), "last": round(one.last - start, 6)}
                for one in self.answers
            ],
        }


def forgeries(journal: Journal) -> Forgeries | None:
    """How the forger fared; None where nobody was to forge, or no key leaked."""
    ledger, leak = journal.forgeries, leak_of(journal)
    if ledger is None or ledger.opened is None or leak is None:
        return None
    heal = journal.first("heal_started")
    until = float("inf") if heal is None else heal.t
    # what the heal did is not the runbook's merit, and a forgery before the leak is none
    seen = [one for one in ledger.forgeries if one.moment >= leak.t and _end(one) < until]
    accepted = [_end(one) for one in seen if one.outcome == ACCEPTED]
    return Forgeries(
        leaked=leak.t,
        kid=None if ledger.learned is None else ledger.learned.get("kid"),
        answers=tuple(_answers(seen)),
        last_accepted=max(accepted, default=None),
        refused_from=_refused_from(seen, float(ledger.opened["interval_s"])),
        ended=max((one.moment for one in seen), default=leak.t),
        closed=ledger.closed is not None,
    )


def leak_of(journal: Journal) -> Entry | None:
    """The entry of the first leak, if there was one."""
    return next((entry for entry in journal.all("fault_started") if entry.get("fault") == LEAK), None)


def _end(one: Forgery) -> float:
    return one.moment if one.ended is None else one.ended


def _answers(seen: Sequence[Forgery]) -> list[Answers]:
    """In the order in which each outcome came first."""
    by_outcome: dict[str, list[Forgery]] = {}
    for one in sorted(seen, key=lambda one: one.moment):
        by_outcome.setdefault(one.outcome, []).append(one)
    return [
        Answers(
            outcome,
            len(those),
            those[0].moment,
            those[-1].moment,
            Counter(one.because for one in those).most_common(1)[0][0],
        )
        for outcome, those in by_outcome.items()
    ]


def _refused_from(seen: Sequence[Forgery], interval: float) -> float | None:
    """When the refusals began that were not broken any more: by another answer, by none, or by a silence."""
    limit = max(SILENCE_TICKS * interval, SILENCE_SECONDS)
    since: float | None = None
    before: float | None = None
    for one in sorted(seen, key=lambda one: one.moment):
        if one.outcome != REFUSED:
            since = None
        elif since is None or (before is not None and one.moment - before > limit):
            since = _end(one)
        before = one.moment
    return since
