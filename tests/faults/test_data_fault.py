"""The loss of a database with all its copies, against real files of two hosts that are played."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from drills.connection import Answer, UnreachableError
from drills.faults import DatabaseLost
from drills.faults import data as data_fault
from drills.faults.fault import FaultError
from drills.site import Host

if TYPE_CHECKING:
    from pathlib import Path

LOST = ("/var/lib/postgresql/15/main", "/etc/postgresql", "/etc/pgbackrest")
# The server runs as long as a file says so.
SYSTEMCTL = """#!/bin/sh
case $1 in stop) rm -f {running} ;; is-active) test -e {running} ;; esac
"""


@dataclass
class Played:
    """A host whose files lie in a folder of its own, and whose commands run here."""

    folder: Path
    reachable: bool = True

    def __post_init__(self) -> None:
        for path in LOST:
            self.at(path).mkdir(parents=True)
        (self.folder / "running").touch()
        program = self.folder / "bin" / "systemctl"
        program.parent.mkdir()
        program.write_text(SYSTEMCTL.format(running=self.folder / "running"))
        program.chmod(0o755)

    def at(self, path: str) -> Path:
        return self.folder / path.removeprefix("/")

    def run(self, command: str, *, timeout: float) -> Answer:
        if not self.reachable:
            raise UnreachableError("no route")
        script = command.removeprefix("sudo -n ")
        for path in LOST:
            script = script.replace(f" {path}", f" {self.at(path)}")
        environment = {**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", "-c", script], capture_output=True, text=True, check=False, timeout=timeout, env=environment
        )
        return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Played]:
    monkeypatch.setattr(data_fault, "_CONFIRM_SECONDS", 0.1)
    return {name: Played(tmp_path / name) for name in ("db1", "db2")}


def lost(played: dict[str, Played]) -> DatabaseLost:
    hosts = []
    for name, shell in played.items():
        host = Host(name)
        host.__dict__["ssh"] = shell
        hosts.append(host)
    return DatabaseLost(tuple(hosts))


def test_every_host_loses_all_and_nothing_is_gone_for_good(played: dict[str, Played]) -> None:
    fault = lost(played)
    assert not fault.confirm().ok
    fault.inject()
    reading = fault.confirm()
    assert reading.ok, reading
    assert fault.moment > 0
    for shell in played.values():
        assert all(shell.at(f"{path}.lost_in_drill").is_dir() for path in LOST)


def test_one_host_that_kept_something_is_named(played: dict[str, Played]) -> None:
    fault = lost(played)
    fault.inject()
    played["db2"].at(LOST[1]).mkdir()
    reading = fault.confirm()
    assert (reading.ok, LOST[1] in reading.because, "db1: left: nothing" in reading.because) == (False, True, True)


def test_a_server_that_runs_on_is_no_loss(played: dict[str, Played]) -> None:
    fault = lost(played)
    fault.inject()
    (played["db1"].folder / "running").touch()
    assert "postgresql@15-main runs" in fault.confirm().because


def test_what_lies_there_from_another_drill_is_never_overwritten(played: dict[str, Played]) -> None:
    played["db1"].at(f"{LOST[0]}.lost_in_drill").mkdir()
    with pytest.raises(FaultError, match="is there already"):
        lost(played).inject()
    assert played["db1"].at(LOST[0]).is_dir()


def test_a_host_that_cannot_be_reached_is_not_taken_for_lost(played: dict[str, Played]) -> None:
    fault = lost(played)
    fault.inject()
    played["db2"].reachable = False
    assert not fault.confirm().ok
    with pytest.raises(FaultError, match="no route"):
        fault.inject()


def test_one_cure_is_for_all_of_them(played: dict[str, Played]) -> None:
    cure = lost(played).cure()
    assert (cure.limit, cure.playbook) == ("db1:db2", "drills/faults/cures/database_put_back.yml")
    assert lost(played).targets == (f"{LOST[0]} on db1", f"{LOST[0]} on db2")
