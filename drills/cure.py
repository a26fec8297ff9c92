"""What undoes a harm, as data: another process can apply it after this one was killed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drills.journal import Entry


@dataclass(frozen=True)
class Cure:
    """A playbook with the limit and variables that undo one harm; safe to apply to a harm that never came.

    `cure` is its id, unique within a run. `undoes` says what it undoes: `fault …` or `runbook …`.
    """

    cure: str
    playbook: str
    limit: str | None
    undoes: str
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def of_fault(self) -> bool:
        """Whether it undoes a fault, and not what a runbook left."""
        return self.undoes.startswith("fault ")

    def as_data(self) -> dict[str, Any]:
        """The fields, as the journal keeps them."""
        return asdict(self)


def registered(entries: Iterable[Entry]) -> list[Cure]:
    """Every cure that was registered, in order."""
    names = ("cure", "playbook", "limit", "undoes", "variables")
    return [Cure(**{name: entry.get(name) for name in names}) for entry in entries if entry.kind == "cure_registered"]


def outstanding(entries: Iterable[Entry]) -> list[Cure]:
    """The cures still to apply, those of faults first; one that ended with exit code 0 is done."""
    entries = list(entries)
    done = {entry.get("cure") for entry in entries if entry.kind == "cure_applied" and entry.get("exit_code") == 0}
    waiting = [cure for cure in registered(entries) if cure.cure not in done]
    return sorted(waiting, key=lambda cure: not cure.of_fault)
