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

    `cure` is its id; one that was applied may be registered again, with other variables, when the harm comes
    again. `undoes` says what it undoes: `fault …` or `runbook …`.
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
    return [_cure(entry) for entry in entries if entry.kind == "cure_registered"]


def outstanding(entries: Iterable[Entry]) -> list[Cure]:
    """The cures still to apply, those of faults first.

    One is done when its newest application ended with exit code 0 and came after its newest registration.
    """
    known: dict[str, Cure] = {}
    done: set[str] = set()
    for entry in entries:
        name = str(entry.get("cure"))
        if entry.kind == "cure_registered":
            known.pop(name, None)  # its place is that of its newest registration
            known[name] = _cure(entry)
            done.discard(name)
        elif entry.kind == "cure_applied" and entry.get("exit_code") == 0:
            done.add(name)
        elif entry.kind == "cure_applied":
            done.discard(name)
    waiting = [cure for name, cure in known.items() if name not in done]
    return sorted(waiting, key=lambda cure: not cure.of_fault)


def _cure(entry: Entry) -> Cure:
    names = ("cure", "playbook", "limit", "undoes", "variables")
    return Cure(**{name: entry.get(name) for name in names})
