"""Follows key_rotation over SSH as the automation user does, and cuts it off where a test asks for it."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import yaml
from ansible import module_utils
from ansible.constants import DEFAULT_MODULE_UTILS_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible.module_utils.secret_store import Version

    from conftest import Hosts

    Step = Callable[[int, str], bool]

module_utils.__path__.extend(set(DEFAULT_MODULE_UTILS_PATH) - set(module_utils.__path__))

from ansible.module_utils.secret_vault_file import VaultFile  # noqa: E402  found by the line above

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
SECRETS = HERE / "secrets"
KEY = SECRETS / "id_ed25519"
SECRETS_OF = {
    "webhook_secret": "bookings/webhook",
    "signing_key": "bookings/signing_key",
    "database_password": "bookings/database",
    "automation_key": "automation/ssh_key",
    "backup_passphrase": "backup/passphrase",
}
"""The names of the secrets by the kinds that the runbook knows."""


@dataclass
class Run:
    """What a playbook said, and the tasks that began, in order."""

    code: int
    text: str
    tasks: list[str]

    @property
    def line(self) -> str:
        """All of it in one line."""
        return " ".join(self.text.split())


@dataclass
class Rotation:
    """The runbook, and every version of each secret that was ever seen in the store."""

    inventory: Path
    key: Path
    seen: dict[str, dict[str, str]] = field(default_factory=dict)

    def versions(self, name: str) -> dict[str, Version]:
        """The versions of a secret by label; they are remembered."""
        versions: dict[str, Version] = self.store.versions(name)
        self.seen.setdefault(name, {}).update({one.id: one.value for one in versions.values()})
        return versions

    @property
    def store(self) -> VaultFile:
        """The store, as somebody who changes it by hand has it."""
        return VaultFile(str(SECRETS / "vault.yml"), str(SECRETS / "password"))

    def run(self, kind: str, *arguments: str, until: Step | None = None, **variables: object) -> Run:
        """Run it. With `until`, kill everything that belongs to it when a task of that number and name begins."""
        return self.follow("playbooks/key_rotation.yml", *arguments, until=until, key_rotation_kind=kind, **variables)

    def follow(self, playbook: str, *arguments: str, until: Step | None = None, **variables: object) -> Run:
        """Run another playbook of the repository the same way."""
        command = ["ansible-playbook", "-i", str(self.inventory), str(ROOT / playbook), "-e", json.dumps(variables)]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        plain = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
        process = subprocess.Popen([*command, *arguments], **streams, env=plain, start_new_session=True)  # type: ignore[call-overload]
        said, tasks = [], []
        for line in process.stdout:
            said.append(line)
            if line.startswith(("TASK [", "RUNNING HANDLER [")):
                tasks.append(line.partition("[")[2].rpartition("]")[0])
                if until and until(len(tasks) - 1, tasks[-1]):
                    kill(process.pid)
                    break
        process.stdout.close()
        return Run(process.wait(timeout=60), "".join(said), tasks)

    def finish(self, kind: str, **variables: object) -> Run:
        """Run it to its end, which must be a good one."""
        done = self.run(kind, until=None, **variables)
        assert done.code == 0, done.text
        return done


def kill(pid: int) -> None:
    """The controller and whatever it has started are gone, as when its power is cut."""
    controller = psutil.Process(pid)
    controller.suspend()
    for process in [*controller.children(recursive=True), controller]:
        process.kill()


@pytest.fixture(scope="session")
def rotation(hosts: Hosts) -> Rotation:
    """The runbook on the scenario's hosts, reached over SSH with the key that is rotated."""
    folder = HERE / "over_ssh"
    folder.mkdir(exist_ok=True)
    groups: dict[str, list[str]] = {"db1": ["database"], "app1": ["application"], "backup1": ["backup"]}
    known = folder / "known_hosts"
    addresses = {short: hosts.address(short) for short in groups}
    keys = {short: hosts[short].check_output("cat /etc/ssh/ssh_host_ed25519_key.pub") for short in groups}
    known.write_text("".join(f"{addresses[short]} {keys[short]}\n" for short in groups))
    inventory = {
        "all": {
            "vars": {
                "ansible_user": "ops",
                "ansible_ssh_private_key_file": str(KEY),
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={known}",
            },
            "children": {
                group: {
                    "hosts": {
                        hosts.names[short]: {"ansible_host": addresses[short], "member_address": addresses[short]}
                        for short, named in groups.items()
                        if group in named
                    }
                }
                for group in ("database", "application", "backup")
            },
        }
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
    if not (folder / "group_vars").exists():
        (folder / "group_vars").symlink_to(HERE / "inventory" / "group_vars")
    found = Rotation(folder / "hosts.yml", KEY)
    KEY.touch(mode=0o600)
    KEY.write_text(found.versions("automation/ssh_key")["current"].value)
    # As ssh-keygen leaves it; a former one there would be offered instead of the key.
    public = subprocess.run(["ssh-keygen", "-y", "-f", str(KEY)], capture_output=True, text=True, check=True).stdout
    KEY.with_suffix(".pub").write_text(public)
    return found


@dataclass(frozen=True)
class Changed:
    """A run that changed every kind of key: what it said, and the current versions before and after it, by secret."""

    run: Run
    before: dict[str, Version]
    after: dict[str, Version]


def change_all(rotation: Rotation, *arguments: str, **variables: object) -> Changed:
    """Change every kind of key in one run, which must end well."""
    before = {name: rotation.versions(name)["current"] for name in SECRETS_OF.values()}
    done = rotation.run("all", *arguments, until=None, **variables)
    assert done.code == 0, done.text
    return Changed(done, before, {name: rotation.versions(name)["current"] for name in SECRETS_OF.values()})


@pytest.fixture(scope="session")
def changed(rotation: Rotation) -> Changed:
    """Every kind of key was changed once, with as many words as Ansible has."""
    return change_all(rotation, "-vvv", "--diff")


@pytest.fixture(scope="session")
def revoked(changed: Changed, rotation: Rotation) -> Changed:
    """After that every kind of key has leaked."""
    assert changed.after
    return change_all(rotation, key_rotation_leaked=True)
