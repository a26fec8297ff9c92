"""Reads a playbook and every role verb it calls into one tree of tasks, each with its file and line."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from drills.pages.meta import Meta, mapping, read_meta, sentences
from drills.pages.source import Located, Remarks, Source, read_source

# fmt: off
_KEYWORDS = frozenset({
    "action", "any_errors_fatal", "args", "async", "become", "become_exe", "become_flags",
    "become_method", "become_user", "block", "always", "changed_when", "check_mode", "collections",
    "connection", "debugger", "delay", "delegate_facts", "delegate_to", "diff", "environment",
    "failed_when", "ignore_errors", "ignore_unreachable", "listen", "local_action", "loop",
    "loop_control", "module_defaults", "name", "no_log", "notify", "poll", "port", "register",
    "remote_user", "rescue", "retries", "run_once", "tags", "throttle", "timeout", "until", "vars",
    "when",
})
# fmt: on
_PLAY_LISTS = ("pre_tasks", "roles", "tasks", "post_tasks")


@dataclass(frozen=True)
class Task:
    """One task, block or include. `path` is from the repository's root; `become` is the user, "" for oneself."""

    name: str
    path: str
    line: int
    module: str
    args: Mapping[str, Any]
    keywords: Mapping[str, Any]
    remarks: Remarks
    scope: Mapping[str, Any]
    become: str
    host: str
    folder: Path
    meaning: str = ""
    missing: str = ""
    block: tuple["Task", ...] = ()
    rescue: tuple["Task", ...] = ()
    always: tuple["Task", ...] = ()
    handlers: tuple["Task", ...] = ()

    @property
    def source(self) -> str:
        """Where it stands, as `path:line`."""
        return f"{self.path}:{self.line}"

    @property
    def is_block(self) -> bool:
        """Whether it holds further tasks of its own file."""
        return "block" in self.keywords

    @property
    def children(self) -> tuple["Task", ...]:
        """What runs inside it, in the order of the file."""
        return self.block + self.rescue + self.always


@dataclass(frozen=True)
class Play:
    """One phase of a runbook; `imported` names another playbook that is the whole phase."""

    name: str
    source: str
    hosts: str
    keywords: Mapping[str, Any]
    remarks: Remarks
    tasks: tuple[Task, ...] = ()
    imported: str = ""


@dataclass(frozen=True)
class Runbook:
    """A playbook with its meta and everything it calls."""

    name: str
    path: str
    meta: Meta
    plays: tuple[Play, ...]
    meanings: Mapping[str, str]

    def tasks(self) -> Iterator[Task]:
        """Every task of every play, in the order in which they run."""
        for play in self.plays:
            yield from walk(play.tasks)


@dataclass(frozen=True)
class _Place:
    """Where the reader stands: what variables, user and host hold here, and which files lead here."""

    source: Source
    folder: Path
    scope: Mapping[str, Any]
    become: str
    host: str
    handlers: tuple[Task, ...] = ()
    trail: tuple[str, ...] = ()


@dataclass
class _Reader:
    repo: Path
    roles: Path
    meanings: dict[str, str] = field(default_factory=dict)
    sources: dict[Path, Source] = field(default_factory=dict)

    def play(self, source: Source, entry: Located, folder: Path) -> Play:
        hosts = entry.get("hosts", "")
        hosts = ", ".join(map(str, hosts)) if isinstance(hosts, list) else str(hosts)
        place = _Place(source, folder, mapping(entry.get("vars")), _become(entry, ""), hosts)
        place = replace(place, handlers=self.tasks(entry.get("handlers"), place))
        tasks: list[Task] = []
        for key in _PLAY_LISTS:
            listed = entry.get(key)
            tasks += self.tasks(_roles_as_tasks(listed) if key == "roles" else listed, place)
        imported = entry.get("import_playbook", entry.get("ansible.builtin.import_playbook", ""))
        remarks = source.remarks_above(entry.line)
        name, where = str(entry.get("name", "")), f"{source.path}:{entry.line}"
        return Play(name, where, hosts, entry, remarks, tuple(tasks), str(imported))

    def tasks(self, entries: Any, place: _Place) -> tuple[Task, ...]:  # noqa: ANN401 YAML may hold anything
        listed = place.source.mappings(entries, "tasks")
        return tuple(self._task(entry, place) for entry in listed)

    def _task(self, entry: Located, place: _Place) -> Task:
        scope = {**place.scope, **mapping(entry.get("vars"))}
        place = replace(
            place,
            scope=scope,
            become=_become(entry, place.become),
            host=str(entry.get("delegate_to", place.host)),
        )
        module, args = _action(entry)
        task = Task(
            name=str(entry.get("name", "")),
            path=place.source.path,
            line=entry.line,
            module=module,
            args=args,
            keywords=entry,
            remarks=place.source.remarks_above(entry.line),
            scope=scope,
            become=place.become,
            host=place.host,
            folder=place.folder,
            handlers=_notified(entry, place.handlers),
        )
        if "block" in entry:
            parts = {key: self.tasks(entry.get(key), place) for key in ("block", "rescue", "always")}
            return replace(task, block=parts["block"], rescue=parts["rescue"], always=parts["always"])
        if module in {"include_role", "import_role"}:
            return self._follow_role(task, place)
        if module in {"include_tasks", "import_tasks"}:
            near = Path(self.repo, place.source.path).parent
            return self._follow(task, place, (near, place.folder / "tasks"), str(args.get("file", "")))
        return task

    def _follow_role(self, task: Task, place: _Place) -> Task:
        role = self.roles / str(task.args.get("name", ""))
        verb = str(task.args.get("tasks_from", "main")).removesuffix(".yml")
        if not role.is_dir():
            return replace(task, missing=f"role {task.args.get('name')} is not in {self.roles.name}/")
        applied = mapping(task.args.get("apply"))
        place = replace(
            place,
            folder=role,
            scope={**self._variables(role, "defaults"), **place.scope, **self._variables(role, "vars")},
            become=_become(applied, place.become),
        )
        place = replace(place, scope={**place.scope, **mapping(task.keywords.get("vars"))})
        if (role / "handlers/main.yml").is_file():
            source = self._read(role / "handlers/main.yml")
            handlers = self.tasks(source.data, replace(place, source=source))
            place = replace(place, handlers=handlers + place.handlers)
        meaning = self._meaning(role, verb)
        return self._follow(replace(task, meaning=meaning), place, (role / "tasks",), f"{verb}.yml")

    def _follow(self, task: Task, place: _Place, folders: tuple[Path, ...], name: str) -> Task:
        file = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if file is None:
            return replace(task, missing=f"{(folders[0] / name).relative_to(self.repo)} does not exist")
        if str(file) in place.trail:
            return replace(task, missing=f"{file.relative_to(self.repo)} includes itself")
        source = self._read(file)
        inside = replace(place, source=source, trail=(*place.trail, str(file)))
        return replace(task, block=self.tasks(source.data, inside))

    def _read(self, file: Path) -> Source:
        if file not in self.sources:
            self.sources[file] = read_source(file, self.repo)
        return self.sources[file]

    def _variables(self, role: Path, kind: str) -> dict[str, Any]:
        file = role / kind / "main.yml"
        return mapping(self._read(file).data if file.is_file() else {})

    def _meaning(self, role: Path, verb: str) -> str:
        file = role / "meta/argument_specs.yml"
        data = self._read(file).data if file.is_file() else {}
        spec = mapping(mapping(mapping(data).get("argument_specs")).get(verb))
        for name, option in mapping(spec.get("options")).items():
            self.meanings.setdefault(name, " ".join(sentences(mapping(option).get("description"))))
        return str(spec.get("short_description", ""))


def read_runbook(playbook: Path, roles: Path) -> Runbook:
    """The playbook, its meta and all role verbs it calls. UsageError with file:line where a file is broken."""
    repo = roles.parent
    meta = read_meta(playbook, repo)
    source = read_source(playbook, repo)
    reader = _Reader(repo, roles)
    entries = source.mappings(source.data, "a playbook")
    plays = tuple(reader.play(source, entry, playbook.parent) for entry in entries)
    return Runbook(playbook.stem, source.path, meta, plays, reader.meanings)


def walk(tasks: Iterable[Task]) -> Iterator[Task]:
    """Every task with all it holds, each before its children."""
    for task in tasks:
        yield task
        yield from walk(task.children)


def _action(entry: Located) -> tuple[str, dict[str, Any]]:
    """The module's short name and its arguments; a free-form text is under `_text`."""
    keys = [key for key in entry if key not in _KEYWORDS and not key.startswith("with_")]
    if not keys:
        return "", {}
    value, more = entry[keys[0]], mapping(entry.get("args"))
    module = keys[0].rsplit(".", 1)[-1]
    if isinstance(value, dict):
        return module, {**value, **more}
    if value is None:
        return module, dict(more)
    return module, {"file" if module.endswith("_tasks") else "_text": str(value), **more}


def _become(entry: Mapping[str, Any], inherited: str) -> str:
    if "become" not in entry and "become_user" not in entry:
        return inherited
    if entry.get("become", bool(inherited)) is False:
        return ""
    return str(entry.get("become_user", inherited or "root"))


def _notified(entry: Located, handlers: tuple[Task, ...]) -> tuple[Task, ...]:
    topics = set(sentences(entry.get("notify")))
    heard = ((handler, {handler.name, *sentences(handler.keywords.get("listen"))}) for handler in handlers)
    return tuple(handler for handler, names in heard if names & topics)


def _roles_as_tasks(listed: object) -> list[Located]:
    tasks = []
    for entry in listed if isinstance(listed, list) else []:
        role = entry.get("role", entry.get("name")) if isinstance(entry, dict) else entry
        task = Located({"name": f"Bring {role} to its desired state", "include_role": {"name": role}})
        task.line = getattr(entry, "line", 1)
        tasks.append(task)
    return tasks
