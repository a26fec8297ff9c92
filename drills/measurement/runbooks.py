"""The runbooks that were followed: each start with its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drills.journal import Entry, Journal


@dataclass(frozen=True)
class FollowedRunbook:
    """One runbook from its start to its end; `ended` is None where the end was not seen."""

    started: Entry
    ended: Entry | None = None

    @property
    def name(self) -> str:
        """The runbook's name."""
        return str(self.started.get("runbook"))

    def has(self, entry: Entry) -> bool:
        """Whether the entry was noted while it ran."""
        return self.started.seq < entry.seq and (self.ended is None or entry.seq < self.ended.seq)

    @property
    def must_fail(self) -> str | None:
        """What the reason of its failure had to say, where it was to fail."""
        saying = self.started.get("must_fail")
        return None if saying is None else str(saying)

    @property
    def to_be_interrupted_at(self) -> str | None:
        """The task at which its controller was to be killed, if so."""
        task = self.started.get("interrupted_at")
        return None if task is None else str(task)

    @property
    def interrupted(self) -> bool:
        """Whether its controller was killed, as was meant."""
        return (
            self.to_be_interrupted_at is not None and self.ended is not None and self.ended.get("interrupted") is True
        )

    @property
    def exit_code(self) -> int | None:
        """The exit code of ansible-playbook; None where the end was not seen."""
        return None if self.ended is None else self.ended.get("exit_code")

    @property
    def because(self) -> str:
        """Why the exit code is not 0."""
        return "" if self.ended is None else str(self.ended.get("because") or "")

    @property
    def seconds(self) -> float | None:
        """How long it took; None where the end was not seen."""
        return None if self.ended is None else round(self.ended.t - self.started.t, 6)


def says(because: str, saying: str) -> bool:
    """Whether the reason of a failure contains what it had to say, in capitals or not; nothing is never said."""
    return bool(saying.strip()) and saying.casefold() in because.casefold()


def followed_runbooks(journal: Journal) -> tuple[FollowedRunbook, ...]:
    """Every runbook that was started, in order; an end belongs to the oldest start of that name without one."""
    found: list[FollowedRunbook] = []
    for entry in journal.entries:
        if entry.kind == "runbook_started":
            found.append(FollowedRunbook(entry))
        elif entry.kind == "runbook_ended":
            name = str(entry.get("runbook"))
            waiting = (at for at, one in enumerate(found) if one.ended is None and one.name == name)
            if (place := next(waiting, None)) is not None:
                found[place] = FollowedRunbook(found[place].started, entry)
    return tuple(found)


def running_at(journal: Journal, t: float, patience: float = 0.0) -> list[str]:
    """The runbooks that were still running at this moment, and for more than `patience` seconds after it."""
    return sorted(
        one.name
        for one in followed_runbooks(journal)
        if one.started.t <= t and (one.ended is None or one.ended.t > t + patience)
    )
