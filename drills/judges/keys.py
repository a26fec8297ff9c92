"""The promise that a key that was changed is dead: it was tried afterwards, and refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import Check, checks, followed_runbooks

if TYPE_CHECKING:
    from drills.journal import Journal
    from drills.measurement import FollowedRunbook

NAME = "every_old_key_refused"
RUNBOOK = "key_rotation"
ALL = "all"
KINDS = (
    "webhook_secret",
    "signing_key",
    "database_password",
    "tls_key",
    "backup_passphrase",
    "backup_bucket_passphrase",
    "automation_key",
)


@dataclass(frozen=True)
class Change:
    """One kind of key that a runbook changed, and what was tried of it then."""

    kind: str
    accepted: tuple[Check, ...]
    refused: tuple[Check, ...]

    @property
    def bad(self) -> list[Check]:
        """The trials that went wrong."""
        return [one for one in (*self.accepted, *self.refused) if one.outcome == "missed"]

    @property
    def proved(self) -> bool:
        """Whether the new one was accepted and the old one refused wherever they were tried, and somewhere at least."""
        return all(made and all(one.outcome == "met" for one in made) for made in (self.accepted, self.refused))

    @property
    def open(self) -> str:
        """What is not known."""
        made = [one for one in (*self.accepted, *self.refused) if one.outcome != "met"]
        said = [f"{one.check} on {one.host}: {one.outcome}: {one.because}" for one in made]
        said += [f"nobody tried the {which}" for which, of in (("new", self.accepted), ("old", self.refused)) if not of]
        return f"{self.kind}: {'; '.join(said)}"


def _decide(journal: Journal, objective: float | None) -> Judgement:
    found = [change for one in followed_runbooks(journal) if one.name == RUNBOOK for change in _changes(journal, one)]
    outcome, because = _found(found)
    measured = float(sum(not change.proved for change in found)) if found else None
    return Judgement(NAME, outcome, because, objective, measured, "kinds")


def _changes(journal: Journal, one: FollowedRunbook) -> list[Change]:
    kind = str((one.started.get("variables") or {}).get("key_rotation_kind"))
    made = checks(journal, one)
    return [
        Change(
            name,
            tuple(check for check in made if check.check == f"{name}: the current one is accepted"),
            tuple(check for check in made if check.check == f"{name}: the previous one is refused"),
        )
        for name in (KINDS if kind == ALL else [kind])
    ]


def _found(changes: list[Change]) -> tuple[Outcome, str]:
    bad = [one for change in changes for one in change.bad]
    if bad:
        return Outcome.MISSED, "; ".join(f"{one.check} on {one.host}: {one.because}" for one in bad)
    if not changes:
        return Outcome.UNKNOWN, "no key was changed"
    if unproved := [change.open for change in changes if not change.proved]:
        return Outcome.UNKNOWN, "; ".join(unproved)
    said = [f"{one.kind} (accepted {len(one.accepted)} times, refused {len(one.refused)})" for one in changes]
    return Outcome.MET, f"the new one was accepted and the old one refused, each by trying it: {', '.join(said)}"


every_old_key_refused = Judge(NAME, None, "kinds", _decide)
"""For each kind of key that was changed the new one was accepted and the old one refused, proved by trying both."""
