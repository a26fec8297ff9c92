"""What was damaged on purpose, and which runbook named it before it was undone."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from drills.measurement.runbooks import FollowedRunbook, followed_runbooks, says

if TYPE_CHECKING:
    from drills.journal import Entry, Journal

_WORDS = 200
_END = re.compile(r";\s|\.?\s+HINT:")


@dataclass(frozen=True)
class Damage:
    """One fault, how it was seen to be there, and the runbooks that had to fail while it was the newest in place."""

    started: Entry
    confirmed: Entry | None = None
    undone: Entry | None = None
    runbooks: tuple[FollowedRunbook, ...] = ()

    @property
    def name(self) -> str:
        """The fault and its host."""
        return f"{self.started.get('fault')} on {self.started.get('host')}"

    @property
    def blind(self) -> tuple[FollowedRunbook, ...]:
        """The runbooks that ended and did not name it."""
        return tuple(one for one in self.runbooks if one.ended is not None and not named(one))

    @property
    def caught(self) -> bool:
        """Whether it was proved to be there, and every runbook that had to name it did, and there was one."""
        return self.confirmed is not None and bool(self.runbooks) and all(named(one) for one in self.runbooks)


def named(one: FollowedRunbook) -> bool:
    """Whether the runbook failed, saying what it had to say."""
    return one.exit_code not in {None, 0} and says(one.because, one.must_fail or "")


def words(one: FollowedRunbook) -> str:
    """What it said, from the words that it had to say to the end of that sentence; all of it where it said others."""
    begin = max(one.because.casefold().find((one.must_fail or "").casefold()), 0)
    return _END.split(one.because[begin:])[0][:_WORDS]


def damages(journal: Journal) -> tuple[Damage, ...]:
    """Every fault of the run, in order. A runbook belongs to the newest fault that was in place when it started."""
    found = [_seen_through(journal, Damage(started)) for started in journal.all("fault_started")]
    for one in followed_runbooks(journal):
        at = one.started.seq
        places = [place for place, damage in enumerate(found) if _in_place(damage, at)]
        if one.must_fail is not None and places:
            found[places[-1]] = replace(found[places[-1]], runbooks=(*found[places[-1]].runbooks, one))
    return tuple(found)


def _seen_through(journal: Journal, damage: Damage) -> Damage:
    """The damage with its confirmation and its cure, where they came."""
    started = damage.started
    after = [entry for entry in journal.entries if entry.seq > started.seq]
    undone = next((one for one in after if one.kind == "cure_applied" and one.get("cure") == started.get("cure")), None)
    before = [entry for entry in after if undone is None or entry.seq < undone.seq]
    confirmed = next((one for one in before if one.kind == "fault_confirmed" and _same(one, started)), None)
    return replace(damage, confirmed=confirmed, undone=undone)


def _same(one: Entry, other: Entry) -> bool:
    return (one.get("fault"), one.get("host")) == (other.get("fault"), other.get("host"))


def _in_place(damage: Damage, seq: int) -> bool:
    return damage.started.seq < seq and (damage.undone is None or seq < damage.undone.seq)
