"""Turns the tasks of a runbook into the numbered steps of a page: what is typed, where, and what proves it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from drills.pages.by_hand import SILENT, commands
from drills.pages.filling import Filling, Glossary, public
from drills.pages.hosts import hosts
from drills.pages.line import Line, Phase, Step
from drills.pages.meta import mapping
from drills.pages.playbook import Play, Task
from drills.pages.proof import changes, proves
from drills.pages.source import Typed
from drills.pages.telling import Telling, below

Timings = Mapping[tuple[str, int], float]
"""Seconds that a task usually takes, by (path from the repository's root, line)."""

# Where names stand on a page: placeholders, conditions, and what is left of a template.
_NAMED = re.compile(r"<([^<>]*)>|`([^`]*)`|{%(.*?)%}|{{(.*?)}}")
_UNSEEN = frozenset({"setup", "gather_facts", "validate_argument_spec", "service_facts", "package_facts"})


@dataclass
class Writer:
    """Writes the phases of one runbook, to be asked for in their order, as what precedes a change matters.

    `stops` is what is said where something must hold before anything changes, and the step in which it is looked at.
    """

    timings: Timings
    glossary: Glossary
    registered: Mapping[str, str]
    stops: dict[str, str] = field(default_factory=dict)
    changed: bool = False

    def phase(self, number: int, play: Play) -> Phase:
        """One play as a phase."""
        seen = [task for task in play.tasks if task.module not in _UNSEEN]
        steps = [Step(f"{number}.{index}", self._line(task, f"{number}.{index}")) for index, task in enumerate(seen, 1)]
        filling = Filling(mapping(play.keywords.get("vars")), self.glossary)
        imported = Path(play.imported).stem
        return Phase(
            number=number,
            name=play.name or f"Follow {imported}",
            where=hosts(play.hosts, filling, self.glossary.told),
            why=play.remarks.why,
            below=below(play.remarks),
            manner=tuple(_manner(play)),
            imported=imported,
            steps=tuple(steps),
        )

    def _line(self, task: Task, number: str) -> Line:
        """One task, with all that it holds."""
        loop = mapping(task.keywords.get("loop_control"))
        filling = Filling(task.scope, self.glossary, str(loop.get("loop_var", "item")))
        telling = Telling(task, filling, self.registered)
        seconds = self.timings.get((task.path, task.line))
        line = Line(
            name=str(filling.words(task.name)),
            source=task.source.removeprefix("roles/").replace("/tasks/", "/"),
            link=f"../{task.path}#L{task.line}",
            where="" if task.module in SILENT or task.is_block else hosts(task.host, filling),
            kind=self._kind(task),
            refuses=telling.refuses,
            usually="" if seconds is None else f"usually {seconds:.1f} s",
            why=" ".join(filter(None, (task.remarks.why, task.meaning))),
            only_when=telling.only_when(),
            conditions=tuple(telling.conditions()),
            commands=() if task.remarks.nothing_to_type else commands(task, filling),
            ends=tuple(telling.ends()),
            proofs=tuple(_filled(proof, filling) for proof in task.remarks.proofs),
        )
        if line.refuses and not self.changed:
            self.stops.setdefault(telling.message or line.name, number)
        self.changed = self.changed or changes(task)
        inside = tuple(self._inside(task, number))
        given = str(task.keywords.get("vars", ""))
        return replace(line, inside=inside, given=given, meant=_meant(line, task.scope))

    def _inside(self, task: Task, number: str) -> Iterator[Line]:
        """What a block or an include holds; then what happens when it fails, always, and at the phase's end."""
        yield from self._lines(task.block, number)
        parts = (
            ("If this fails:", task.rescue),
            ("Always, also after a failure:", task.always),
            ("If that changed anything, once, at the end of this phase:", task.handlers),
        )
        for name, tasks in parts:
            if lines := self._lines(tasks, number):
                yield Line(name, kind="heading", inside=lines)

    def _lines(self, tasks: tuple[Task, ...], number: str) -> tuple[Line, ...]:
        return tuple(self._line(task, number) for task in tasks if task.module not in _UNSEEN)

    def _kind(self, task: Task) -> str:
        if task.children or task.module == "fail" or not proves(task):
            return "action"
        return "proof" if self.changed else "check"


def _meant(line: Line, scope: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """What the names that a person has to fill in or to look at stand for here, and the names in that, and so on."""
    definitions = {(name, str(value)) for name, value in scope.items()}
    meant: set[tuple[str, str]] = set()
    names = " ".join("".join(found) for text in line.texts for found in _NAMED.findall(text))
    while names:
        words = set(re.findall(r"\w+", names))
        found = {each for each in definitions - meant if each[0] in words or public(each[0]) in words}
        meant |= found
        names = " ".join(value for _, value in found)
    return frozenset(meant)


def _manner(play: Play) -> Iterator[str]:
    if serial := play.keywords.get("serial"):
        yield "One host after the other." if serial == 1 else f"{serial} hosts at a time."
    if play.keywords.get("any_errors_fatal"):
        yield "If it fails on one host, stop on all."


def _filled(proof: Typed, filling: Filling) -> Typed:
    """A proof as (what to see, what to type): `command => what you then see`, or only a sentence."""
    command, arrow, seen = filling.words(proof.text).rpartition(" => ")
    seen = " ".join(seen.split())
    return Typed(seen, command) if arrow else Typed(seen)
