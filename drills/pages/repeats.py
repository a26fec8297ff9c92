"""Prints once what is the same: later on the page only says where it stands."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from string import ascii_lowercase

from drills.pages.line import Line, Phase, Place, Step
from drills.pages.speech import UNSAYABLE

_Key = tuple[str, str, tuple[Line, ...]]
"""Where steps are done, with which variables, and the steps: where all are equal, a person does the same."""

_WORTH_A_JUMP = 3
"""Commands: fewer are typed again sooner than they are looked up elsewhere."""


def once(phases: list[Phase]) -> list[Phase]:
    """The phases with each group of steps, and each reason to stop, printed where it comes first and nowhere else.

    Groups are the same when they are printed alike, for the same hosts, and the names in them stand for the same.
    """
    first = _Reader()
    first.read(phases)
    return _Reader(first.met_again).read(phases)


@dataclass(frozen=True)
class _Spot:
    """Where the reader is, and whether what stands there is only done under a condition or after a failure."""

    phase: Phase
    step: Step
    labels: Iterator[str]
    conditional: bool = False


@dataclass
class _Reader:
    """Goes over the page from its beginning; `referred` are the groups that another place refers to."""

    referred: set[_Key] = field(default_factory=set)
    met_again: set[_Key] = field(default_factory=set)
    places: dict[_Key, Place] = field(default_factory=dict)
    reasons: dict[str, Step] = field(default_factory=dict)

    def read(self, phases: list[Phase]) -> list[Phase]:
        return [replace(phase, steps=tuple(self._step(step, phase) for step in phase.steps)) for phase in phases]

    def _step(self, step: Step, phase: Phase) -> Step:
        return replace(step, line=self._line(step.line, _Spot(phase, step, _labels(step))))

    def _line(self, line: Line, spot: _Spot) -> Line:
        conditional = line.kind == "heading" or bool(line.only_when or line.conditions)
        spot = replace(spot, conditional=spot.conditional or conditional)
        key = _key(line, spot.phase)
        if key in self.places:
            self.met_again.add(key)
            return replace(line, inside=(), same=self.places[key])
        label = next(spot.labels) if key in self.referred and line is not spot.step.line else ""
        if key:
            self.places[key] = Place(label or spot.step.number, spot.step.link, line.name, spot.conditional)
        ends = tuple(dict.fromkeys(self._told(each, spot.step) for each in line.ends)) if line.refuses else line.ends
        return replace(line, label=label, ends=ends, inside=tuple(self._line(each, spot) for each in line.inside))

    def _told(self, reason: str, step: Step) -> str:
        """What to stop at, or the step that said the same before."""
        before = self.reasons.get(reason)
        if before is None:
            self.reasons[reason] = step
            return reason
        return "As above." if before is step else f"As in step [{before.number}]({before.link})."


def _key(line: Line, phase: Phase) -> _Key | None:
    """What the group of steps is known by; None where it is none, or not worth or not fit to be referred to."""
    texts = [phase.where, *(text for each in line.inside for text in _texts(each))]
    if line.kind == "heading" or not line.holds_steps or any(UNSAYABLE in text for text in texts):
        return None
    if sum(map(_commands, line.inside)) < _WORTH_A_JUMP:
        return None
    # Words like "at the end of this phase" mean something else in another phase.
    where = phase.heading if any("this phase" in text for text in texts) else phase.where
    return (where, line.given, line.inside)


def _texts(line: Line) -> Iterator[str]:
    yield from line.texts
    for each in line.inside:
        yield from _texts(each)


def _commands(line: Line) -> int:
    """How many commands are typed for a line and all that it holds, those that prove something among them."""
    return len(line.commands) + sum(bool(each.where) for each in line.proofs) + sum(map(_commands, line.inside))


def _labels(step: Step) -> Iterator[str]:
    """Labels for parts of a step: 2.1a to 2.1z, then 2.1a1, 2.1b1 and so on."""
    return (f"{step.number}{letter}{turn or ''}" for turn in count() for letter in ascii_lowercase)
