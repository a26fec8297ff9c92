"""What a ledger tells of attempts that are begun and end: each with its end, in the order in which they were due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from drills.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class Attempt(Protocol):
    """One of them, numbered; `due` is in seconds since the run's anchor."""

    @property
    def n(self) -> int:
        """Its number."""

    @property
    def due(self) -> float:
        """When it was to be begun."""


A = TypeVar("A", bound=Attempt)


def read_attempts(
    path: Path,
    lines: list[dict[str, Any]],
    make: Callable[[Mapping[str, Any], Mapping[str, Any] | None], A],
) -> tuple[A, ...]:
    """Make an attempt of each line `begun` or `missed` of the ledger at `path`, and of the line `ended` to it.

    Raises:
        UsageError: The lines cannot be made sense of.
    """
    try:
        ends = {int(line["n"]): line for line in lines if line.get("kind") == "ended"}
        found = [make(line, ends.get(int(line["n"]))) for line in lines if line.get("kind") in {"begun", "missed"}]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is damaged: {error!r}", "restore the run's folder from a copy") from error
    if len({one.n for one in found}) != len(found):
        raise UsageError(f"{path} is damaged: a number n comes twice", "restore the run's folder from a copy")
    return tuple(sorted(found, key=lambda one: (one.due, one.n)))


def first_of(lines: list[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    """The first line of this kind, if there is one."""
    return next((line for line in lines if line.get("kind") == kind), None)
