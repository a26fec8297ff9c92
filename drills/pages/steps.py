"""Turns the tasks of a runbook into the numbered steps of a page: what is typed, where, and what proves it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from drills.pages.by_hand import SILENT, commands, needs_command
from drills.pages.filling import Filling, Glossary
from drills.pages.meta import mapping
from drills.pages.playbook import Play, Runbook, Task, walk
from drills.pages.proof import changes, proves
from drills.pages.source import Typed
from drills.pages.wording import in_words

Timings = Mapping[tuple[str, int], float]
"""Seconds that a task usually takes, by (path from the repository's root, line)."""

_UNSEEN = frozenset({"setup", "gather_facts", "validate_argument_spec", "service_facts", "package_facts"})


@dataclass
class Line:
    """One line of a step: what it is called, where it happens, what is typed, what proves it."""

    name: str
    depth: int
    source: str = ""
    link: str = ""
    where: str = ""
    kind: str = "action"
    usually: str = ""
    why: str = ""
    conditions: list[str] = field(default_factory=list)
    commands: list[Typed] = field(default_factory=list)
    proofs: list[Typed] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Step:
    """A numbered step of a phase; `head` is the block or include that holds the lines, if one does."""

    number: str
    name: str
    head: Line | None
    lines: list[Line]


@dataclass(frozen=True)
class Phase:
    """A play: its name, what runs where, its steps."""

    number: int
    name: str
    where: str
    why: str
    manner: list[str]
    imported: str
    steps: list[Step]


@dataclass
class Writer:
    """Writes the phases of one runbook; `stops` are (step, message) of what must hold before anything changes."""

    runbook: Runbook
    timings: Timings
    glossary: Glossary
    registered: dict[str, str]
    stops: list[tuple[str, str]] = field(default_factory=list)
    changed: bool = False

    def phase(self, number: int, play: Play) -> Phase:
        """One play as a phase; phases are to be written in their order, as what precedes a change matters."""
        told = [task for task in play.tasks if task.module not in _UNSEEN]
        steps = [self._step(f"{number}.{index}", task) for index, task in enumerate(told, 1)]
        filling = Filling(mapping(play.keywords.get("vars")), self.glossary)
        imported = Path(play.imported).stem
        name = play.name or f"Follow {imported}"
        hosts = _place(filling.words(play.hosts))
        return Phase(number, name, hosts, play.remarks.why, _manner(play), imported, steps)

    def _step(self, number: str, task: Task) -> Step:
        name = str(self._filling(task).words(task.name))
        if not task.children:
            return Step(number, name, None, list(self._lines(task, 0, number)))
        head = self._line(task, 0)
        return Step(number, name, head, list(self._inside(task, 0, number)))

    def _lines(self, task: Task, depth: int, number: str) -> Iterator[Line]:
        """The lines of one task and of all that it holds."""
        if task.module in _UNSEEN:
            return
        line = self._line(task, depth)
        self._note_stop(task, line, number)
        yield line
        yield from self._inside(task, depth + 1, number)

    def _inside(self, task: Task, depth: int, number: str) -> Iterator[Line]:
        """What a block or an include holds; then what happens when it fails, always, and at the phase's end."""
        parts = (("", task.block), ("If this fails:", task.rescue), ("Always, also after a failure:", task.always))
        for heading, tasks in parts:
            if heading and tasks:
                yield Line(heading, depth, kind="heading")
            for each in tasks:
                yield from self._lines(each, depth + 1 if heading else depth, number)
        if task.handlers:
            yield Line("If that changed anything, once, at the end of this phase:", depth, kind="heading")
            for handler in task.handlers:
                yield self._line(handler, depth + 1)

    def _line(self, task: Task, depth: int) -> Line:
        filling = self._filling(task)
        seconds = self.timings.get((task.path, task.line))
        line = Line(
            name=str(filling.words(task.name)),
            depth=depth,
            source=task.source.removeprefix("roles/").replace("/tasks/", "/"),
            link=f"../{task.path}#L{task.line}",
            where="" if task.module in SILENT or task.is_block else _place(filling.words(task.host)),
            kind=self._kind(task),
            usually="" if seconds is None else f"usually {seconds:.1f} s",
            why=" ".join(filter(None, (task.remarks.why, task.meaning))),
            conditions=self._conditions(task),
            commands=[] if task.remarks.nothing_to_type else list(commands(task, filling)),
            proofs=[_filled(proof, filling) for proof in task.remarks.proofs],
            ends=list(self._ends(task, filling)),
        )
        self.changed = self.changed or changes(task)
        return line

    def _kind(self, task: Task) -> str:
        if task.children or task.module == "fail" or not proves(task):
            return "action"
        return "proof" if self.changed else "check"

    def _filling(self, task: Task) -> Filling:
        return Filling(
            task.scope, self.glossary, str(mapping(task.keywords.get("loop_control")).get("loop_var", "item"))
        )

    def _conditions(self, task: Task) -> list[str]:
        """Only when, for each, only once: in words."""
        told = []
        if "when" in task.keywords and task.module != "fail":
            told.append(f"Only when {in_words(task.keywords['when'], self.registered)}.")
        if (items := _items(task)) is not None:
            listed = self._filling(task).fill(items)
            shown = ", ".join(f"`{each}`" for each in (listed if isinstance(listed, list) else [listed]))
            told.append(f"Once for each of {shown}.")
        if task.keywords.get("run_once"):
            told.append("On one of these hosts only.")
        return told

    def _ends(self, task: Task, filling: Filling) -> Iterator[str]:
        """How this line ends: what to wait for, when to stop, what is worked out, what is missing."""
        words = task.keywords
        if "until" in words:
            own = {**self.registered, str(words.get("register")): "this command"}
            retries, delay = words.get("retries", 3), words.get("delay", 5)
            patience = f"(at most {filling.words(retries)} times, {filling.words(delay)} s apart)"
            yield f"Repeat until {in_words(words['until'], own)} {patience}."
        if words.get("failed_when", False) is not False:
            own = {**self.registered, str(words.get("register")): "this command"}
            yield f"**Stop if** {in_words(words['failed_when'], own)}."
        if stop := self._stop(task, filling):
            yield stop
        yield from _said(task, filling)
        if task.remarks.nothing_to_type:
            reason = str(filling.words(task.remarks.by_hand[0].text)).partition(",")[2].strip()
            yield f"Nothing to type, {reason}"
        if task.missing or needs_command(task):
            yield f"**Nobody has written down how a person does this** ({task.missing or task.module})."

    def _stop(self, task: Task, filling: Filling) -> str:
        """The stop condition of an assert or a fail; "" for anything else."""
        message = " ".join(filling.words(task.args.get("fail_msg", task.args.get("msg", ""))).split())
        if task.module == "assert":
            return f"**Stop unless** {in_words(task.args.get('that'), self.registered)}: {message}"
        if task.module == "fail":
            when = task.keywords.get("when")
            return f"**Stop{' if ' + in_words(when, self.registered) if when else ''}:** {message}"
        return ""

    def _note_stop(self, task: Task, line: Line, number: str) -> None:
        """Keeps what must hold before anything is changed, for the head of the page."""
        if task.module in {"assert", "fail"} and not self.changed:
            message = task.args.get("fail_msg", task.args.get("msg", ""))
            text = " ".join(self._filling(task).words(message).split())
            self.stops.append((number, text or line.name))


def results(runbook: Runbook) -> tuple[dict[str, str], dict[str, str]]:
    """What only the run gives: names for conditions, and meanings for the table of placeholders."""
    registered = {"inventory_hostname": "this host"}
    facts: dict[str, str] = {}
    for task in walk(task for play in runbook.plays for task in play.tasks):
        called = re.sub(r"{{\s*_*(.*?)\s*}}", r"<\1>", task.name)
        if name := task.keywords.get("register"):
            registered.setdefault(str(name), f"“{called}”")
            facts.setdefault(str(name), f"what “{called}” printed")
        if task.module == "set_fact":
            facts.update(dict.fromkeys(task.args, f"worked out in “{called}”"))
    return registered, facts


def _manner(play: Play) -> list[str]:
    told = []
    if serial := play.keywords.get("serial"):
        told.append("One host after the other." if serial == 1 else f"{serial} hosts at a time.")
    if play.keywords.get("any_errors_fatal"):
        told.append("If it fails on one host, stop on all.")
    return told


def _place(host: str) -> str:
    """A host or a pattern of hosts (`database:!db1`) in words."""
    if host in {"localhost", "127.0.0.1"}:
        return "the machine you are at"
    first, *others = re.split(r"[:,]\s*(?=[!&\w<])", host)
    signs = {"!": " except ", "&": " that are also in "}
    told = [f"{signs.get(other[0], ', ')}`{other.lstrip('!&')}`" for other in others]
    return f"`{first}`" + "".join(told)


def _items(task: Task) -> object:
    """What the task loops over; None where it does not loop."""
    loops = (task.keywords[key] for key in task.keywords if key == "loop" or key.startswith("with_"))
    return next(loops, None)


def _filled(proof: Typed, filling: Filling) -> Typed:
    """A proof as (what to see, what to type): `command => what you then see`, or only a sentence."""
    command, arrow, seen = filling.words(proof.text).rpartition(" => ")
    return Typed(seen, command) if arrow else Typed(seen)


def _inner(value: object) -> str:
    """An expression without its braces."""
    return str(value).strip().removeprefix("{{").removesuffix("}}").strip()


def _said(task: Task, filling: Filling) -> Iterator[str]:
    """What a task without a command tells the person."""
    args = task.args
    if task.module == "set_fact":
        for name, value in args.items():
            if name != "cacheable":
                yield f"`<{name.strip('_')}>` is `{_inner(value)}`."
        for name, value in mapping(task.keywords.get("vars")).items():
            yield f"There `{name}` is `{_inner(value)}`."
    if task.module in {"add_host", "group_by"}:
        group = args.get("groups", args.get("group", args.get("key")))
        yield f"From here on `{filling.words(args.get('name', '<this host>'))}` is in `{_inner(group)}`."
    if task.module == "debug" and "msg" in args:
        yield f"It says: {filling.words(args['msg'])}"
    if task.module == "meta" and "end_" in str(args.get("_text")):
        yield "Then nothing more is to be done here."
    if task.module == "meta" and args.get("_text") == "flush_handlers":
        yield "Do now what was put off to the end of this phase."
    if task.module == "reboot":
        yield "Wait until you can log in again."
