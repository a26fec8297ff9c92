"""The promise that whatever is damaged is noticed before anybody relies on it, and called by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import Damage, damages, words

if TYPE_CHECKING:
    from drills.journal import Journal

NAME = "every_damage_caught"


def _decide(journal: Journal, objective: float | None) -> Judgement:
    found = damages(journal)
    outcome, because = _found(found)
    measured = None if outcome is Outcome.UNKNOWN else float(sum(not damage.caught for damage in found))
    return Judgement(NAME, outcome, because, objective, measured, "not caught")


def _found(found: tuple[Damage, ...]) -> tuple[Outcome, str]:
    blind = [_blindness(damage) for damage in found if damage.blind]
    if blind:
        return Outcome.MISSED, "; ".join(blind)
    if not found:
        return Outcome.UNKNOWN, "nothing was damaged"
    if questions := [_question(damage) for damage in found if not damage.caught]:
        return Outcome.UNKNOWN, "; ".join(questions)
    return Outcome.MET, f"{len(found)} of {len(found)}: {'; '.join(_catch(damage) for damage in found)}"


def _blindness(damage: Damage) -> str:
    one = damage.blind[0]
    did = "ended with 0" if one.exit_code == 0 else f"failed for another reason: {words(one)}"
    return f"{damage.name} was not caught by {one.name}, which was to say “{one.must_fail}” and {did}"


def _question(damage: Damage) -> str:
    if damage.confirmed is None:
        return f"{damage.name} was not proved to be there"
    if not damage.runbooks:
        return f"{damage.name} was not looked for before it was undone"
    return f"the end of {damage.runbooks[-1].name}, which was to name {damage.name}, was not seen"


def _catch(damage: Damage) -> str:
    return f"{damage.name} by {', '.join(f'{one.name}: “{words(one)}”' for one in damage.runbooks)}"


every_damage_caught = Judge(NAME, None, "not caught", _decide)
"""Every fault was proved to be there, and a runbook that had to name it did, before it was undone."""
