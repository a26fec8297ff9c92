"""Turns the tasks of a runbook into the numbered steps of a page: what is typed, where, and what proves it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from drills.pages.by_hand import SILENT, commands, needs_command
from drills.pages.filling import Filling, Glossary, public
from drills.pages.meta import mapping
from drills.pages.playbook import Play, Runbook, Task, walk
from drills.pages.proof import changes, proves
from drills.pages.source import Remarks, Typed
from drills.pages.speech import UNSAYABLE
from drills.pages.wording import has_words, in_words

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
    below: str
    manner: list[str]
    imported: str
    steps: list[Step]


@dataclass
class Writer:
    """Writes the phases of one runbook.

    `stops` are (step, message) of what must hold before anything changes; `told` is where a stop was told first.
    """

    runbook: Runbook
    timings: Timings
    glossary: Glossary
    registered: dict[str, str]
    stops: list[tuple[str, str]] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    changed: bool = False

    def phase(self, number: int, play: Play) -> Phase:
        """One play as a phase; phases are to be written in their order, as what precedes a change matters."""
        told = [task for task in play.tasks if task.module not in _UNSEEN]
        steps = [self._step(f"{number}.{index}", task) for index, task in enumerate(told, 1)]
        filling = Filling(mapping(play.keywords.get("vars")), self.glossary)
        imported = Path(play.imported).stem
        name = play.name or f"Follow {imported}"
        hosts = _place(_hosts(play.hosts, filling), self.glossary.told)
        below = _below(play.remarks)
        return Phase(number, name, hosts, play.remarks.why, below, _manner(play), imported, steps)

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
        if task.module in {"assert", "fail"}:
            line.ends = list(dict.fromkeys(self._once(told, number) for told in line.ends))
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

    def _once(self, told: str, number: str) -> str:
        """What is to stop at, or the step that said the same before."""
        if told not in self.told:
            self.told[told] = number
            return told
        return "As above." if self.told[told] == number else f"As in step {self.told[told]}."

    def _line(self, task: Task, depth: int) -> Line:
        filling = self._filling(task)
        seconds = self.timings.get((task.path, task.line))
        line = Line(
            name=str(filling.words(task.name)),
            depth=depth,
            source=task.source.removeprefix("roles/").replace("/tasks/", "/"),
            link=f"../{task.path}#L{task.line}",
            where="" if task.module in SILENT or task.is_block else _place(_hosts(task.host, filling)),
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
        """Only when, for each, only once: in words. What needs no hands needs no conditions either."""
        if task.remarks.nothing_to_type:
            return []
        told = []
        if "when" in task.keywords and task.module != "fail":
            told.append(f"Only when {self._when(task)}.")
        told += self._each(task)
        if task.keywords.get("run_once"):
            told.append("On one of these hosts only.")
        return told

    def _when(self, task: Task) -> str:
        """The condition in the author's words, or in those that are known for it."""
        told = str(self._filling(task).words(task.remarks.only_when))
        return told or in_words(task.keywords["when"], self.registered)

    def _each(self, task: Task) -> Iterator[str]:
        """What the step is repeated for; nothing where that has no words, or the commands say it themselves."""
        if (items := _items(task)) is None:
            return
        listed = self._filling(task).fill(items)
        shown = [str(each) for each in (listed if isinstance(listed, list) else [listed])]
        if not any(UNSAYABLE in each for each in shown):
            yield f"Once for each of {', '.join(map(_quoted, shown))}."

    def _ends(self, task: Task, filling: Filling) -> Iterator[str]:
        """How this line ends: what to wait for, when to stop, what is worked out, what is missing."""
        yield from self._waits(task, filling)
        if stop := self._stop(task, filling):
            yield stop
        if not task.remarks.nothing_to_type:
            yield from _said(task, filling, self.registered)
        if below := _below(task.remarks):
            yield below
        elif task.remarks.nothing_to_type:
            reason = str(filling.words(task.remarks.by_hand[0].text)).partition(",")[2].strip()
            yield f"Nothing to type, {' '.join(reason.split())}"
        if task.missing or needs_command(task):
            yield f"**Nobody has written down how a person does this** ({task.missing or task.module})."

    def _waits(self, task: Task, filling: Filling) -> Iterator[str]:
        """What to repeat a look for, and what must not be seen; the proof's words go before a condition without any."""
        words = task.keywords
        own = {**self.registered, str(words.get("register")): "this command"}
        if "until" in words:
            unclear = task.remarks.proofs and not has_words(words["until"])
            sign = "you see what proves it" if unclear else in_words(words["until"], own)
            retries, delay = words.get("retries", 3), words.get("delay", 5)
            yield f"Repeat until {sign} (at most {filling.words(retries)} times, {filling.words(delay)} s apart)."
        if (failed := words.get("failed_when", False)) is not False:
            unclear = task.remarks.proofs and not has_words(failed)
            sign = "you do not see what proves it" if unclear else in_words(failed, own)
            yield f"**Stop if** {sign}."

    def _stop(self, task: Task, filling: Filling) -> str:
        """The stop condition of an assert or a fail; "" for anything else. The message tells what has no words."""
        message = " ".join(filling.words(task.args.get("fail_msg", task.args.get("msg", ""))).split())
        if task.module == "assert" and task.remarks.stop_if:
            return f"**Stop if** {filling.words(task.remarks.stop_if)}: {message}"
        if task.module == "assert" and has_words(task.args.get("that")):
            return f"**Stop unless** {in_words(task.args.get('that'), self.registered)}: {message}"
        if task.module == "assert":
            return f"**Stop if:** {message}"
        if task.module == "fail":
            return f"**Stop{' if ' + self._when(task) if 'when' in task.keywords else ''}:** {message}"
        return ""

    def _note_stop(self, task: Task, line: Line, number: str) -> None:
        """Keeps what must hold before anything is changed, for the head of the page."""
        if task.module in {"assert", "fail"} and not self.changed:
            message = task.args.get("fail_msg", task.args.get("msg", ""))
            text = " ".join(self._filling(task).words(message).split()) or line.name
            if text not in (told for _, told in self.stops):
                self.stops.append((number, text))


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
        if task.module == "add_host":
            given = (name for name in task.args if name not in {"name", "groups", "group"})
            facts = {**dict.fromkeys(given, f"given in “{called}”"), **facts}
    return registered, facts


def explained(runbook: Runbook) -> dict[str, str]:
    """What `# Below:` says of the names that this runbook works with."""
    told: dict[str, str] = {}
    for play in runbook.plays:
        told |= play.remarks.told
        for task in walk(play.tasks):
            told |= task.remarks.told
    return told


def _manner(play: Play) -> list[str]:
    told = []
    if serial := play.keywords.get("serial"):
        told.append("One host after the other." if serial == 1 else f"{serial} hosts at a time.")
    if play.keywords.get("any_errors_fatal"):
        told.append("If it fails on one host, stop on all.")
    return told


def _hosts(pattern: str, filling: Filling) -> str:
    """A pattern of hosts, filled in; what it falls back to when nobody is named is Ansible's affair."""
    return str(filling.words(re.sub(r"\s+or\s+'[^']*'", "", pattern)))


def _place(host: str, told: Mapping[str, str] | None = None) -> str:
    """A host or a pattern of hosts (`database:!db1`) in words; `told` is what is known of groups."""
    if host in {"localhost", "127.0.0.1"}:
        return "the machine you are at"
    first, *others = re.split(r"[:,]\s*(?=[!&\w<])", host)
    signs = {"!": " except ", "&": " that are also in "}
    words = [f"{signs.get(other[0], ', ')}`{other.lstrip('!&')}`" for other in others]
    meaning = f" ({told[first]})" if told and first in told else ""
    return f"`{first}`{meaning}" + "".join(words)


def _quoted(text: str) -> str:
    """A value as code; of several words only its placeholders are."""
    return f"`{text}`" if " " not in re.sub(r"<[^<>]*>", "", text) else text


def _below(remarks: Remarks) -> str:
    """What the author says of names that are used from here on, as one sentence."""
    named = (re.sub(r"^(\w+) (?=is |are )", r"`\1` ", told).rstrip(".") for told in remarks.below)
    told = "; ".join(named)
    return f"Below, {told}." if told else ""


def _items(task: Task) -> object:
    """What the task loops over; None where it does not loop."""
    loops = (task.keywords[key] for key in task.keywords if key == "loop" or key.startswith("with_"))
    return next(loops, None)


def _filled(proof: Typed, filling: Filling) -> Typed:
    """A proof as (what to see, what to type): `command => what you then see`, or only a sentence."""
    command, arrow, seen = filling.words(proof.text).rpartition(" => ")
    seen = " ".join(seen.split())
    return Typed(seen, command) if arrow else Typed(seen)


def _noted(name: str, value: object, filling: Filling, registered: Mapping[str, str]) -> str:
    """What a fact is; where that has no words, what it is worked out from."""
    text = filling.words(value)
    if UNSAYABLE not in text:
        return f"`<{public(name)}>` is {text if '<' in text else f'`{text}`'}."
    printed = ((name, called) for name, called in registered.items() if name != "inventory_hostname")
    known = (called for each, called in printed if re.search(rf"\b{each}\b", str(value)))
    source = " and ".join(known)
    return f"Work out `<{public(name)}>`{f' from the output of {source}' if source else ''}."


def _said(task: Task, filling: Filling, registered: Mapping[str, str]) -> Iterator[str]:
    """What a task without a command tells the person; `# Below:` says it better."""
    args = task.args
    if task.module == "set_fact" and not task.remarks.below and not task.remarks.proofs:
        for name, value in args.items():
            if name != "cacheable":
                yield _noted(name, value, filling, registered)
    if task.module in {"add_host", "group_by"} and not task.remarks.below:
        group = args.get("groups", args.get("group", args.get("key")))
        yield f"From here on `{filling.words(args.get('name', '<this host>'))}` is in {_quoted(filling.words(group))}."
    if task.module == "debug" and "msg" in args:
        yield f"It says: {filling.words(args['msg'])}"
    if task.module == "meta" and "end_" in str(args.get("_text")):
        yield "Then nothing more is to be done here."
    if task.module == "meta" and args.get("_text") == "flush_handlers":
        yield "Do now what was put off to the end of this phase."
    if task.module == "reboot":
        yield "Wait until you can log in again."
