"""What undoes a runbook: its sibling, with what the runbook was given and what was so before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.cure import Cure
from drills.runbook import load_runbook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from drills.runbook import Runbook


def undo_of(
    runbook: Runbook, given: Mapping[str, object], waiting: Iterable[Cure], fact: Callable[[str], str]
) -> Cure | None:
    """The cure that undoes this runbook when it is followed with the inputs `given`.

    None if no runbook does, or if the cure is among those that are `waiting`: it would undo more than a newer one.
    Its id names the inputs that it shares with the runbook, so that two restores to two hosts have two cures. What it
    is told of the time before is no part of the id: of two deploys only the first knows what was live before both.

    Raises:
        UsageError: There is no such sibling, or a fact of the time before cannot be looked up.
    """
    undo = runbook.meta.undo
    excepted = bool(undo.unless) and all(value_of(runbook, given, name) == value for name, value in undo.unless.items())
    if runbook.undo is None or excepted:
        return None
    shared = {name: value_of(runbook, given, own) for name, own in undo.inputs.items() if own in runbook.meta.options}
    name = " ".join(["undo of", runbook.name, *(str(value) for value in shared.values())])
    if name in {cure.cure for cure in waiting}:
        return None
    before = {name: fact(of) for name, of in undo.inputs.items() if of not in runbook.meta.options}
    return Cure(name, load_runbook(runbook.undo).path, None, f"runbook {runbook.name}", {**shared, **before})


def undone_by(runbook: Runbook, given: Mapping[str, object], cures: Iterable[Cure]) -> list[Cure]:
    """Those of the cures that are applied when this runbook is followed with the inputs `given`.

    An input that is left open, as the release to go back to, is found out by the runbook itself.
    """

    def same(cure: Cure) -> bool:
        return all(value_of(runbook, given, name) in {None, "", value} for name, value in cure.variables.items())

    return [cure for cure in cures if cure.playbook == runbook.path and same(cure)]


def value_of(runbook: Runbook, given: Mapping[str, object], name: str) -> object:
    """What this input is: as given, or else its default."""
    return given.get(name, runbook.meta.options.get(name, {}).get("default"))
