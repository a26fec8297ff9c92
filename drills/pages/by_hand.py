"""Derives the command a person would type in place of a well-known module. Nothing is executed here."""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from drills.pages.filling import Filling
from drills.pages.meta import mapping
from drills.pages.playbook import Task
from drills.pages.source import Typed

# fmt: off
SILENT = frozenset({
    "assert", "fail", "debug", "set_fact", "meta", "add_host", "group_by", "setup", "gather_facts",
    "service_facts", "package_facts", "validate_argument_spec", "include_role", "import_role",
    "include_tasks", "import_tasks", "include_vars",
})
LOOKS = frozenset({
    "stat", "slurp", "wait_for", "wait_for_connection", "postgresql_ping", "postgresql_info", "pause", "ping",
})
# fmt: on

_SAFE = re.compile(r"[\w@%+=:,./~-]*")
_VERBS = {"started": "start", "stopped": "stop", "restarted": "restart", "reloaded": "reload"}


@dataclass(frozen=True)
class _Call:
    """A module's arguments, filled in, and what goes before a command so that the right user runs it."""

    args: Mapping[str, Any]
    sudo: str
    task: Task
    filling: Filling

    def text(self, *keys: str, default: str = "") -> str:
        """The first of these arguments that is given, as text."""
        return next((str(self.args[key]) for key in keys if self.args.get(key) is not None), default)


def commands(task: Task, filling: Filling) -> tuple[Typed, ...]:
    """What a person types for this task, and where; empty when nothing is known or nothing is needed."""
    if task.remarks.by_hand:
        return tuple(Typed(filling.words(typed.text), filling.words(typed.where)) for typed in task.remarks.by_hand)
    derive = _DERIVATIONS.get(task.module)
    if derive is None or task.is_block:
        return ()
    user = filling.words(task.become)
    sudo = "" if not user else "sudo " if user == "root" else f"sudo -u {user} "
    args = {**filling.fill(dict(task.args)), "_environment": filling.fill(task.keywords.get("environment"))}
    command = derive(_Call(args, sudo, task, filling))
    return (Typed(command),) if command else ()


def looks(task: Task) -> bool:
    """Whether the module only looks, by what it is or, as Ansible names such modules, by its name."""
    return task.module in LOOKS or task.module.endswith(("_info", "_facts"))


def needs_command(task: Task) -> bool:
    """Whether a person needs a command for this task and neither its author nor this module gives one."""
    known = task.is_block or task.module in SILENT or task.module in _DERIVATIONS
    return not known and not task.remarks.by_hand


def word(text: str) -> str:
    """`text` as one word of a shell command; a placeholder stays readable."""
    bare = re.sub(r"<[^<>]*>", "", text)
    if text and _SAFE.fullmatch(bare):
        return text
    if text and "'" in bare and not re.search(r'["$`\\!]', bare):
        return f'"{text}"'
    return f"'{text}'" if "'" not in bare else shlex.quote(text)


def _command(call: _Call) -> str:
    argv = call.args.get("argv")
    line = " ".join(map(word, map(str, argv))) if isinstance(argv, list) else call.text("cmd", "_text")
    return _guarded(call, f"{call.sudo}{_environment(call)}{line.strip()}")


def _shell(call: _Call) -> str:
    script = call.text("cmd", "_text").strip()
    shell = call.text("executable", default="sh")
    if call.sudo or _environment(call) or "\n" in script or shell != "sh":
        script = f"{call.sudo}{_environment(call)}{shell} <<'EOF'\n{script}\nEOF"
    return _guarded(call, script)


def _environment(call: _Call) -> str:
    environment = call.args["_environment"]
    if not isinstance(environment, dict) or not environment:
        return ""
    return "env " + "".join(f"{key}={word(str(value))} " for key, value in environment.items())


def _guarded(call: _Call, line: str) -> str:
    if stdin := call.text("stdin"):
        line = f"printf '%s\\n' {word(stdin)} | {line}"
    if creates := call.text("creates"):
        line = f"{call.sudo}test -e {word(creates)} || {line}"
    if removes := call.text("removes"):
        line = f"{call.sudo}test ! -e {word(removes)} || {line}"
    if folder := call.text("chdir"):
        line = f"cd {word(folder)} && {line}"
    return line


def _systemd(call: _Call) -> str:
    unit, scope = word(call.text("name")), " --user" if call.text("scope") == "user" else ""
    verbs = ["daemon-reload"] if call.args.get("daemon_reload") else []
    if (masked := call.args.get("masked")) is not None:
        verbs.append(f"{'mask' if masked else 'unmask'} {unit}")
    if (enabled := call.args.get("enabled")) is not None:
        verbs.append(f"{'enable' if enabled else 'disable'} {unit}")
    if state := call.text("state"):
        verbs.append(f"{_VERBS.get(state, state)} {unit}")
    return "\n".join(f"{call.sudo}systemctl{scope} {verb}" for verb in verbs or [f"status {unit}"])


def _file(call: _Call) -> str:
    path, state = word(call.text("path", "dest", "name")), call.text("state", default="file")
    simple = {
        "absent": f"rm -rf {path}",
        "directory": f"install -d{_owner(call)} {path}",
        "link": f"ln -sfn {word(call.text('src'))} {path}",
        "hard": f"ln -f {word(call.text('src'))} {path}",
    }
    if state in simple:
        return call.sudo + simple[state]
    touched = [f"{call.sudo}touch {path}"] if state == "touch" else []
    return "\n".join(touched + _ownership(call, path))


def _ownership(call: _Call, path: str) -> list[str]:
    owner = ":".join(filter(None, (call.text("owner"), call.text("group"))))
    owner = owner if call.text("owner") else f":{owner}" if owner else ""
    lines = [f"{call.sudo}chown {owner} {path}"] if owner else []
    return lines + ([f"{call.sudo}chmod {call.text('mode')} {path}"] if call.text("mode") else [])


def _copy(call: _Call) -> str:
    path = word(call.text("dest"))
    if "content" in call.args:
        return _written(call, path, call.filling.words(call.args["content"]))
    source = call.text("src")
    if call.args.get("remote_src"):
        return "\n".join([f"{call.sudo}cp -a {word(source)} {path}", *_ownership(call, path)])
    file = call.task.folder / "files" / source
    if file.is_file() and (text := _readable(file.read_bytes())) is not None:
        return _written(call, path, text)
    return "\n".join([f"# copy {source} from the repository to {path}", *_ownership(call, path)])


def _template(call: _Call) -> str:
    path, source = word(call.text("dest")), call.text("src")
    file = call.task.folder / "templates" / source
    text = _readable(file.read_bytes()) if file.is_file() else None
    if text is None:
        return f"# fill in the template {source} and write it to {path}"
    return _written(call, path, str(call.filling.words(text)))


def _readable(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _written(call: _Call, path: str, content: str) -> str:
    """The file with its owner and mode from the first byte on: it may hold a secret."""
    end = "END_OF_FILE" if "EOF" in content.splitlines() else "EOF"
    writer = f"install{_owner(call)} /dev/stdin {path}" if _owner(call) else f"tee {path} >/dev/null"
    return f"{call.sudo}{writer} <<'{end}'\n{content.rstrip()}\n{end}"


def _owner(call: _Call) -> str:
    flags = (("owner", "-o"), ("group", "-g"), ("mode", "-m"))
    return "".join(f" {flag} {word(call.text(key))}" for key, flag in flags if call.text(key))


def _packages(call: _Call) -> str:
    names = call.args.get("name", call.args.get("pkg", []))
    listed = " ".join(word(str(name)) for name in (names if isinstance(names, list) else [names]))
    lines = [f"{call.sudo}apt-get update"] if call.args.get("update_cache") else []
    verb = {"absent": "remove", "latest": "install"}.get(call.text("state"), "install")
    return "\n".join(lines + ([f"{call.sudo}apt-get {verb} -y {listed}"] if listed else []))


def _download(call: _Call) -> str:
    path = word(call.text("dest"))
    return "\n".join([f"{call.sudo}curl -fsSL -o {path} {word(call.text('url'))}", *_ownership(call, path)])


def _request(call: _Call) -> str:
    method, body = call.text("method", default="GET").upper(), call.args.get("body")
    parts = ["curl -fsS", "" if method == "GET" else f"-X {method}"]
    headers = mapping(call.args.get("headers"))
    parts += [f"-H {word(f'{key}: {value}')}" for key, value in headers.items()]
    if body is not None:
        is_json = call.text("body_format") == "json"
        parts.append(f"{'--json' if is_json else '--data'} {word(call.filling.words(body))}")
    return call.sudo + " ".join(filter(None, [*parts, word(call.text("url"))]))


def _wait(call: _Call) -> str:
    gone = call.text("state") in {"absent", "stopped", "drained"}
    if path := call.text("path"):
        sign = f"{call.sudo}test -e {word(path)}"
    elif call.text("port"):
        sign = f"nc -z -w 1 {word(call.text('host', default='127.0.0.1'))} {call.text('port')}"
    else:
        return f"sleep {call.text('timeout', default='300')}"
    loop = f"{'while' if gone else 'until'} {sign}; do sleep 1; done"
    return f"{loop}   # give up after {call.text('timeout', default='300')} s"


def _pause(call: _Call) -> str:
    if call.text("seconds") or call.text("minutes"):
        return f"sleep {call.text('seconds')}" if call.text("seconds") else f"sleep {call.text('minutes')}m"
    return f"# {call.text('prompt', default='wait until you are sure')}"


def _psql(call: _Call, query: str) -> str:
    flags = (("-h", "login_host"), ("-p", "login_port", "port"), ("-U", "login_user"), ("-d", "login_db", "db"))
    where = "".join(f" {flag} {word(call.text(*keys))}" for flag, *keys in flags if call.text(*keys))
    query = " ".join(query.split())
    return f"{call.sudo}psql{where} -c {word(query)}"


def _query(call: _Call) -> str:
    query = call.args.get("query", "")
    text = "; ".join(map(str, query)) if isinstance(query, list) else str(query)
    positional = call.args.get("positional_args")
    for value in positional if isinstance(positional, list) else []:
        text = text.replace("%s", _literal(value), 1)
    named = mapping(call.args.get("named_args"))
    for key, value in named.items():
        text = text.replace(f"%({key})s", _literal(value))
    return _psql(call, text)


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


def _setting(call: _Call) -> str:
    if call.args.get("reset"):
        return _psql(call, f"ALTER SYSTEM RESET {call.text('name')}")
    return _psql(call, f"ALTER SYSTEM SET {call.text('name')} = {_literal(call.text('value'))}")


_DERIVATIONS: Mapping[str, Callable[[_Call], str]] = {
    "command": _command,
    "shell": _shell,
    "raw": _shell,
    "script": _command,
    **dict.fromkeys(("systemd_service", "systemd", "service"), _systemd),
    "file": _file,
    "copy": _copy,
    "template": _template,
    "apt": _packages,
    "package": _packages,
    "get_url": _download,
    "uri": _request,
    "stat": lambda call: f"{call.sudo}stat {word(call.text('path'))}",
    "slurp": lambda call: f"{call.sudo}cat {word(call.text('src', 'path'))}",
    "wait_for": _wait,
    "ping": lambda call: f"{call.sudo}true   # that you can log in is the answer",
    "wait_for_connection": lambda call: f"{call.sudo}true   # once you can log in, go on",
    "reboot": lambda call: f"{call.sudo}systemctl reboot",
    "pause": _pause,
    "postgresql_query": _query,
    "postgresql_ping": lambda call: f"{call.sudo}pg_isready",
    "postgresql_set": _setting,
}
