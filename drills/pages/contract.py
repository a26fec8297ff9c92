"""What a runbook must keep to before a page made of it can be trusted at 3 a.m."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drills.pages.by_hand import needs_command
from drills.pages.meta import FACTS, Meta, meta_of, read_meta
from drills.pages.playbook import Play, Runbook, Task
from drills.pages.proof import unproved

_COMMANDS = frozenset({"command", "shell", "raw", "script"})


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong: where (`path:line`), what, and what to do now."""

    where: str
    because: str
    hint: str

    def __str__(self) -> str:
        """As people see it on the command line."""
        return f"error: {self.where}: {self.because}\nHINT: {self.hint}"


def by_hand_flaws(runbook: Runbook) -> list[Flaw]:
    """Tasks that a person could not do by hand, and changes that nothing proves."""
    found = [_no_command(task) for task in _with_handlers(runbook) if needs_command(task)]
    for play in runbook.plays:
        found += [_no_proof(task) for task in unproved(play.tasks)]
    return found


def contract_flaws(runbook: Runbook, repo: Path) -> list[Flaw]:
    """Names, messages and targets that are missing, commands outside roles, errors that are ignored."""
    found = _meta_flaws(runbook, repo)
    for play in runbook.plays:
        found += _play_flaws(play, runbook, repo)
    for task in _with_handlers(runbook):
        found += _task_flaws(task)
    return found


def _with_handlers(runbook: Runbook) -> Iterator[Task]:
    for task in runbook.tasks():
        yield task
        yield from task.handlers


def _meta_flaws(runbook: Runbook, repo: Path) -> list[Flaw]:
    meta, undo = runbook.meta, runbook.meta.undo
    where = f"{meta.path}:1"
    if not meta.specified:
        return [Flaw(where, f"argument_specs has no {runbook.name}", f"name the spec {runbook.name}")]
    found = []
    if not undo.told:
        hint = "undo: {playbook: <name>, until: <text>}, {by_hand: <text>, until: <text>} or {none: <why>}"
        found.append(Flaw(where, "the meta does not say how this is undone, and until when", f"add {hint}"))
    if undo.playbook and not (repo / "playbooks" / f"{undo.playbook}.yml").is_file():
        missing = f"playbooks/{undo.playbook}.yml"
        found.append(Flaw(where, f"it is undone by {missing}, which does not exist", f"write {missing}"))
    found += _input_flaws(meta, where, repo)
    for key, told in (("use_when", meta.use_when), ("not_when", meta.not_when), ("examples", meta.examples)):
        if not told:
            found.append(Flaw(where, f"the meta has no {key}", f"add {key} under argument_specs.{runbook.name}"))
    return found


def _input_flaws(meta: Meta, where: str, repo: Path) -> Iterator[Flaw]:
    """The inputs of the undo that it does not take, and the values that nobody can look up."""
    undo = meta.undo
    playbook = repo / "playbooks" / f"{undo.playbook}.yml"
    known = read_meta(playbook, repo).options if undo.playbook and meta_of(playbook).is_file() else {}
    for name, fact in undo.inputs.items():
        if name not in known:
            there = ", ".join(known) or "none"
            because = f"its undo {undo.playbook or '(no playbook)'} has no input {name}"
            yield Flaw(where, because, f"name one of its inputs: {there}")
        if fact not in FACTS and fact not in meta.options:
            because = f"the undo's {name} is to be {fact}, which nobody can look up"
            yield Flaw(where, because, f"name an input of the runbook, or a fact of the site: {', '.join(FACTS)}")
    for name in undo.unless:
        if name not in meta.options:
            because = f"its undo depends on {name}, which is no input of it"
            yield Flaw(where, because, f"name one of its inputs: {', '.join(meta.options) or 'none'}")


def _play_flaws(play: Play, runbook: Runbook, repo: Path) -> list[Flaw]:
    if play.imported:
        missing = not (repo / runbook.path).parent.joinpath(play.imported).is_file()
        because = f"import_playbook of {play.imported}, which does not exist"
        return [Flaw(play.source, because, "name a playbook of this folder")] if missing else []
    if not play.name:
        return [Flaw(play.source, "a play without a name", "add name: the phase of the story")]
    if play.keywords.get("ignore_errors"):
        return [_ignored(play.source)]
    return []


def _task_flaws(task: Task) -> Iterator[Flaw]:
    what = "block" if task.is_block else "task"
    if not task.name:
        yield Flaw(task.source, f"a {what} without a name", "add name: an imperative sentence")
    if task.module == "assert" and not str(task.args.get("fail_msg", task.args.get("msg", ""))).strip():
        hint = "add fail_msg: what is wrong, what it means, what to do now"
        yield Flaw(task.source, f"the assert “{task.name}” has no fail_msg", hint)
    if task.keywords.get("ignore_errors"):
        yield _ignored(task.source)
    if task.module in _COMMANDS and task.path.startswith("playbooks/"):
        hint = "move it into roles/<noun>/tasks/<verb>.yml and include_role it"
        yield Flaw(task.source, f"a {task.module} in a playbook is a missing role verb", hint)
    if task.missing:
        hint = "name a role and a verb file that exist, literally"
        yield Flaw(task.source, f"“{task.name}” goes nowhere: {task.missing}", hint)


def _ignored(where: str) -> Flaw:
    return Flaw(where, "ignore_errors hides what went wrong", "use failed_when with the one failure you expect")


def _no_command(task: Task) -> Flaw:
    because = f"no command for a person: “{task.name}” uses {task.module or 'no module'}"
    return Flaw(task.source, because, "add a '# By hand:' comment directly above the task")


def _no_proof(task: Task) -> Flaw:
    because = f"“{task.name}” changes something, and nothing after it in its file or block proves that it did"
    hint = "add a task with until or an assert after it, or '# Proof: …' or '# Proof: none, because …' above it"
    return Flaw(task.source, because, hint)
