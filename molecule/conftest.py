"""Reaches the hosts of a scenario, and follows playbooks and verbs of roles on them, as a runbook does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import testinfra
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from testinfra.host import Host

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Hosts:
    """The hosts of the scenario by the last part of their names, such as `db1`; `role` is the one under test."""

    role: str
    names: dict[str, str]

    def __getitem__(self, short: str) -> Host:
        return testinfra.get_host(f"podman://{self.names[short]}")

    def address(self, short: str) -> str:
        """The address that the other hosts reach it by."""
        return str(self[short].check_output("hostname -I")).split()[0]

    def follow(self, verb: str, *on: str, **variables: object) -> int:
        """Runs a verb of the role on some hosts, or on all; returns how many tasks changed something."""
        hosts = ",".join(self.names[short] for short in on) or "all"
        return self.play("molecule/verb.yml", verb=verb, verb_role=self.role, verb_hosts=hosts, **variables)

    def play(self, playbook: str, **variables: object) -> int:
        """Runs a playbook of the repository; returns how many tasks changed something."""
        done = self._run(playbook, variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return sum(int(count) for count in re.findall(r"changed=(\d+)", done.stdout))

    def rehearse(self, playbook: str, **variables: object) -> str:
        """Runs a playbook of the repository with --check; returns what it said, in one line."""
        done = self._run(playbook, variables, "--check")
        assert done.returncode == 0, done.stdout + done.stderr
        return " ".join(done.stdout.split())

    def refusal(self, playbook: str, **variables: object) -> str:
        """Runs a playbook of the repository that must fail; returns what it said, in one line."""
        done = self._run(playbook, variables)
        assert done.returncode == 2, done.stdout + done.stderr
        return " ".join((done.stdout + done.stderr).split())

    def _run(self, playbook: str, variables: dict[str, object], *options: str) -> subprocess.CompletedProcess[str]:
        inventory = os.environ["MOLECULE_EPHEMERAL_DIRECTORY"] + "/inventory"
        command = ["ansible-playbook", "-i", inventory, str(ROOT / playbook), "-e", json.dumps(variables), *options]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)


@pytest.fixture(scope="session")
def hosts() -> Hosts:
    inventory = yaml.safe_load(Path(os.environ["MOLECULE_INVENTORY_FILE"]).read_text())
    names = {name.rsplit("-", 1)[1]: name for name in inventory["all"]["hosts"]}
    return Hosts(os.environ["MOLECULE_SCENARIO_NAME"], names)


@pytest.fixture(scope="session")
def host(hosts: Hosts) -> Host:
    """The only host of a scenario that has one."""
    return hosts["host"]


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """Waits until a look gives what is expected, and fails with what it gave last."""

    def wait(look: Callable[[], object], expected: object, within: float = 10) -> None:
        deadline = time.monotonic() + within
        while (seen := look()) != expected:
            assert time.monotonic() < deadline, f"{seen!r} and not {expected!r} after {within} s"
            time.sleep(0.1)

    return wait
