"""Playbooks and roles as they are, on this machine, with stand-ins for the few parts that need real hosts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
# Nobody listens there, so it is known at once.
DEAD = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}

# A module that takes whatever it is given, and answers as `answer` says, which may also end the run by `fail`.
_MODULE = """#!/usr/bin/python
import json, subprocess, sys
from pathlib import Path
from ansible.module_utils.basic import AnsibleModule

def main():
    module = AnsibleModule(argument_spec={{name: {{"type": "raw"}} for name in {options}}})
    asked, fail = module.params, lambda text: module.fail_json(msg=text)
    with open({log!r}, "a") as log:
        log.write(json.dumps([{name!r}, asked]) + "\\n")
    module.exit_json(**answer(asked, fail))

{answer}

main()
"""


@dataclass
class Rehearsal:
    """A controller with an inventory, roles and modules of its own, in a folder."""

    folder: Path
    groups: dict[str, list[str]]
    dead: set[str] = field(default_factory=set)
    variables: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("roles", "library", "collections"):
            (self.folder / name).mkdir()
        for module in (ROOT / "plugins" / "modules").glob("*.py"):
            (self.folder / "library" / module.name).symlink_to(module)
        for role in (ROOT / "roles").iterdir():
            (self.folder / "roles" / role.name).symlink_to(role)

    def module(self, name: str, options: list[str], answer: str) -> None:
        """Stands for a module, maybe of a collection; `answer` is the body of a function of `asked` and `fail`."""
        path = self.folder / "library" / f"{name}.py"
        if "." in name:
            namespace, collection, short = name.split(".")
            folder = self.folder / "collections" / "ansible_collections" / namespace / collection
            (folder / "meta").mkdir(parents=True, exist_ok=True)
            (folder / "meta" / "runtime.yml").write_text("action_groups: {acme: []}\n")
            path = folder / "plugins" / "modules" / f"{short}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        body = "def answer(asked, fail):\n" + "".join(f"    {line}\n" for line in answer.splitlines())
        path.write_text(_MODULE.format(options=options, log=str(self.folder / "log"), name=name, answer=body))

    def task_file(self, role: str, verb: str, text: str) -> None:
        """Stands for one task file of a role; the others stay as they are."""
        folder = self.folder / "roles" / role
        if folder.is_symlink():
            folder.unlink()
            shutil.copytree(ROOT / "roles" / role, folder)
        (folder / "tasks" / f"{verb}.yml").write_text(text)

    def asked(self, name: str) -> list[dict[str, Any]]:
        """What a stand-in was asked, each time."""
        log = self.folder / "log"
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [asked for module, asked in lines if module == name]

    def run(self, playbook: str, *options: str, **variables: Any) -> tuple[int, str]:  # noqa: ANN401
        """The exit code, and what was said in one line."""
        names = dict.fromkeys(host for hosts in self.groups.values() for host in hosts)
        hosts = {name: DEAD if name in self.dead else HERE for name in names}
        children = {group: {"hosts": dict.fromkeys(members)} for group, members in self.groups.items()}
        inventory = self.folder / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "children": children, "vars": self.variables}}))
        program = Path(sys.executable).with_name("ansible-playbook")
        extra = ["-e", json.dumps(variables)] if variables else []
        command = [str(program), "-i", str(inventory), str(ROOT / playbook), *options, *extra]
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_ROLES_PATH": str(self.folder / "roles"),
            "ANSIBLE_LIBRARY": str(self.folder / "library"),
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"),
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
        }
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    def verb(self, role: str, verb: str, **variables: Any) -> tuple[int, str]:  # noqa: ANN401
        """One verb of a role on all hosts."""
        return self.run("molecule/verb.yml", verb_role=role, verb=verb, **variables)
