"""A drill that was killed: another process ends what it left, and heals."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from drills.cli import breaking
from drills.cli.breaking import RefusedError
from drills.lock import LockedError, environment_lock
from drills.orphans import end_orphans
from drills.run import open_run
from drills.scenario import scenario_named
from drills.unfinished import heal_unfinished, is_healed, unfinished_runs
from drills.workloads.process import RUN_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from drills.journal import Entry
    from tests.drill.conftest import Stage


def killed_run(stage: Stage, *, torn: bool = False) -> Path:
    """The folder of a run that was killed right after the harm."""
    run = open_run(scenario_named("db_failover"), stage.site, "ada", [])
    run.note("cure_registered", **stage.fault().cure().as_data())
    run.note(
        "cure_registered",
        cure="undo of db_failover",
        playbook="playbooks/db_rejoin.yml",
        limit=None,
        variables={},
        undoes="runbook db_failover",
    )
    run.note("fault_started", fault="Played", host="db1", targets=[])
    run.journal.close()
    if torn:
        with (run.folder / "journal.jsonl").open("a") as file:
            file.write('{"seq": 5, "t": 1.0, "kind": "fault_con')
    return run.folder


def heal(stage: Stage, folder: Path) -> list[Entry]:
    noted: list[Entry] = []
    heal_unfinished(folder, stage.site, noted.append, lambda _: None)
    return noted


@pytest.mark.parametrize("torn", [False, True])
def test_cures_that_were_not_applied_are_applied_faults_first(stage: Stage, *, torn: bool) -> None:
    folder = killed_run(stage, torn=torn)
    assert unfinished_runs() == [folder]
    heal(stage, folder)
    assert stage.happened == ["cure-host_powered_on", "cure-db_rejoin"]


def test_a_cure_that_is_done_is_not_done_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drills.unfinished.rehearse", lambda *_: type("Story", (), {"gate": [stage.probe()]}))
    folder = killed_run(stage)
    stage.exit_codes["cure-db_rejoin"] = 1
    heal(stage, folder)
    assert unfinished_runs() == [folder]
    stage.happened.clear()
    stage.exit_codes.clear()
    noted = heal(stage, folder)
    assert stage.happened == ["cure-db_rejoin"]
    assert unfinished_runs() == []
    assert noted[-1].kind == "heal_ended"


def test_a_run_that_touched_nothing_is_healed() -> None:
    assert is_healed([])


def test_orphans_of_this_run_are_ended_and_no_other_process() -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    orphan = subprocess.Popen(sleep, env={**os.environ, RUN_VARIABLE: "20260101T000000Z-killed"})
    stranger = subprocess.Popen(sleep, env={**os.environ, RUN_VARIABLE: "20260101T000000Z-another"})
    try:
        ended = end_orphans("20260101T000000Z-killed")
        assert len(ended) == 1
        assert str(orphan.pid) in ended[0]
        orphan.wait(5)
        assert stranger.poll() is None
    finally:
        for process in (orphan, stranger):
            process.kill()
            process.wait()


def test_no_drill_starts_while_a_run_of_its_environment_is_not_healed(stage: Stage) -> None:
    folder = killed_run(stage)
    for host in stage.site.hosts.values():
        object.__setattr__(host, "variables", {"drills_allowed": True})
    with pytest.raises(RefusedError) as refused:
        breaking._guard(stage.site)
    assert refused.value.hint == f"drillbook heal {folder.name}"


def test_a_site_that_does_not_allow_drills_is_refused(stage: Stage) -> None:
    with pytest.raises(RefusedError, match="drills_allowed"):
        breaking._guard(stage.site)


def test_an_environment_is_held_by_one_process(stage: Stage) -> None:
    assert stage.home.is_dir()
    held = """
from drills.lock import environment_lock
with environment_lock("lab", "a test"):
    print("held", flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=f"for a test .pid {other.pid}. since"), environment_lock("lab", "us"):
            pass
        other.kill()
    with environment_lock("lab", "us"):
        pass
