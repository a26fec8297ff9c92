"""Runbooks that must fail, controllers that are killed, and cures that hold what was there before."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from drills.errors import UsageError
from drills.faults.controller import ControllerKilled
from drills.judges.verdict import Heal, summarize
from drills.runbook import Following, Order, load_runbook
from drills.unfinished import heal_unfinished
from tests.drill.conftest import PLAYBOOKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from drills.journal import Entry
    from drills.scenario import Drill
    from tests.drill.conftest import Stage

NEW = "sha256:new"
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def kinds(stage: Stage, *wanted: str) -> list[tuple[str, object]]:
    return [(entry.kind, entry.get("cure")) for entry in stage.journal().entries if entry.kind in wanted]


def last(stage: Stage, kind: str) -> Entry:
    entry = stage.journal().last(kind)
    assert entry is not None
    return entry


def refused(stage: Stage) -> None:
    def story(drill: Drill) -> None:
        with drill.during(stage.workload()):
            drill.expect_failure("release_there", saying="Not Ready", release_digest=NEW)
            drill.follow("db_failover")

    stage.perform(story)


def test_after_a_failure_as_said_the_story_goes_on(stage: Stage) -> None:
    stage.exit_codes["release_there"], stage.reasons["release_there"] = 2, "app1: not ready within 30 s"
    refused(stage)
    assert stage.happened[:3] == ["customers come", "release_there", "db_failover"]
    started = stage.journal().first("runbook_started")
    assert started is not None
    assert (started.get("must_fail"), started.get("variables")) == ("Not Ready", {"release_digest": NEW})
    assert summarize(stage.journal()).judgements[-1].outcome == "met"


@pytest.mark.parametrize(("code", "reason"), [(0, ""), (2, "app1 is unreachable")])
def test_after_a_success_or_another_failure_it_ends(stage: Stage, code: int, reason: str) -> None:
    stage.exit_codes["release_there"], stage.reasons["release_there"] = code, reason
    refused(stage)
    assert "db_failover" not in stage.happened
    assert "cure-release_back" in stage.happened
    assert summarize(stage.journal()).judgements[-1].outcome == "missed"


def test_a_failure_that_need_say_nothing_is_refused(stage: Stage) -> None:
    ended = stage.perform(lambda drill: drill.expect_failure("release_there", saying=" "))
    assert isinstance(ended.crash, UsageError)
    assert stage.happened == []


def test_the_undo_holds_what_was_live_before_the_runbook(stage: Stage) -> None:
    stage.exit_codes["release_there"] = 2
    stage.on_playbook = lambda name: setattr(stage, "live", NEW) if name == "release_there" else None
    stage.perform(lambda drill: drill.follow("release_there", release_digest=NEW))
    assert stage.inputs == [{"release_digest": NEW}, {"release_digest": "sha256:before"}]


def test_without_a_live_release_nothing_is_touched(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: object) -> str:
        raise UsageError("the live release is not known", "deploy one")

    monkeypatch.setattr("drills.perform.live_release", nobody)
    ended = stage.perform(lambda drill: drill.follow("release_there", release_digest=NEW))
    assert isinstance(ended.crash, UsageError)
    assert stage.happened == []
    assert not kinds(stage, "cure_registered", "runbook_started")


def test_what_was_undone_and_done_again_is_undone_again(stage: Stage) -> None:
    def story(drill: Drill) -> None:
        drill.follow("release_there", release_digest=NEW)
        drill.follow("release_back")
        drill.follow("release_there", release_digest=NEW)

    stage.perform(story)
    undo = "undo of release_there"
    assert kinds(stage, "cure_registered", "cure_applied") == [
        ("cure_registered", undo),
        ("cure_applied", undo),
        ("cure_registered", undo),
        ("cure_applied", undo),
    ]
    assert stage.happened == ["release_there", "release_back", "release_there", "cure-release_back"]
    assert summarize(stage.journal()).heal is Heal.HEALED


def test_a_second_deploy_without_a_way_back_between_is_undone_to_the_start(stage: Stage) -> None:
    stage.on_playbook = lambda name: setattr(stage, "live", NEW) if name == "release_there" else None

    def story(drill: Drill) -> None:
        drill.follow("release_there", release_digest=NEW)
        drill.follow("release_there", release_digest="sha256:newer")

    stage.perform(story)
    assert stage.inputs[-1] == {"release_digest": "sha256:before"}
    assert stage.happened == ["release_there", "release_there", "cure-release_back"]


def test_a_way_back_that_failed_has_undone_nothing(stage: Stage) -> None:
    stage.exit_codes["release_back"] = 2

    def story(drill: Drill) -> None:
        drill.follow("release_there", release_digest=NEW)
        drill.follow("release_back")

    stage.perform(story)
    assert stage.happened == ["release_there", "release_back", "cure-release_back"]


def test_another_process_undoes_what_was_done_again(stage: Stage) -> None:
    def story(drill: Drill) -> None:
        drill.follow("release_there", release_digest=NEW)
        drill.follow("release_back")
        drill.follow("release_there", release_digest=NEW)

    stage.exit_codes["cure-release_back"] = 1
    stage.perform(story)
    assert summarize(stage.journal()).heal is Heal.FAILED
    stage.exit_codes.clear()
    stage.happened.clear()
    assert heal_unfinished(stage.run_dir, stage.site, lambda _: None, lambda _: None)
    assert stage.happened == ["cure-release_back"]
    assert stage.inputs[-1] == {"release_digest": "sha256:before"}


def test_each_following_has_its_own_variables(stage: Stage) -> None:
    def story(drill: Drill) -> None:
        drill.follow("release_there", release_digest=NEW)
        drill.follow("release_back", release_digest="sha256:old")
        drill.follow("release_back")

    stage.perform(story)
    assert stage.inputs[1:3] == [{"release_digest": "sha256:old"}, {}]


@pytest.fixture
def controller(stage: Stage) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours that plays ansible-playbook, with a child in a session of its own, as Ansible's workers are."""
    worker = f"subprocess.Popen({SLEEP!r}, start_new_session=True, stdout=subprocess.DEVNULL)"
    child = f"import subprocess, time; {worker}; print(1, flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", child], start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()

    def begin(name: str, begins: Callable[[str, int], None]) -> None:
        if name == "release_there":
            begins("Prepare", process.pid)
            begins("Switch", process.pid)
            if process.poll() is None and stage.on_interrupt:
                process.wait(10)

    stage.on_start = begin
    yield process
    if process.poll() is None:
        for left in psutil.Process(process.pid).children():
            left.kill()
        process.kill()
    process.wait()
    process.stdout.close()


def interrupted(stage: Stage, at: str = "Switch") -> None:
    def story(drill: Drill) -> None:
        with drill.during(stage.workload()):
            drill.interrupt("release_there", at=at, release_digest=NEW)
            drill.follow("release_back")

    stage.perform(story)


def test_a_controller_is_killed_at_its_task_and_the_story_goes_on(
    stage: Stage, controller: subprocess.Popen[bytes]
) -> None:
    interrupted(stage)
    assert controller.wait(5) == -9
    noted = stage.kinds()
    order = ["cure_registered", "runbook_started", "fault_started", "fault_confirmed", "runbook_ended"]
    assert [kind for kind in noted if kind in order][:5] == order
    started, ended = stage.journal().all("runbook_started")[0], stage.journal().all("runbook_ended")[0]
    assert started.get("interrupted_at") == "Switch"
    assert (ended.get("exit_code"), ended.get("interrupted")) == (-9, True)
    fault = last(stage, "fault_started")
    assert (fault.get("fault"), fault.get("host")) == ("ControllerKilled", "controller")
    assert fault.get("targets") == ["release_there at Switch"]
    assert "1 processes that it had started are gone" in str(last(stage, "fault_confirmed").get("because"))
    assert stage.happened == ["customers come", "release_there", "release_back", "customers go"]
    assert summarize(stage.journal()).judgements[-1].outcome == "met"


def test_a_task_that_never_came_ends_the_story_and_voids_the_run(
    stage: Stage, controller: subprocess.Popen[bytes]
) -> None:
    stage.on_interrupt = False
    interrupted(stage, at="Nothing of the kind")
    assert controller.poll() is None
    assert "release_back" not in stage.happened
    assert not stage.journal().all("fault_started")
    assert last(stage, "runbook_ended").get("exit_code") == 0
    assert "before the task Nothing of the kind began" in str(last(stage, "fault_unconfirmed").get("because"))
    assert summarize(stage.journal()).verdict == "void"


def test_a_process_that_is_not_ours_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drills.faults.controller._CONFIRM_SECONDS", 0.0)
    announced: list[str] = []
    fault = ControllerKilled("deploy", "Switch", lambda: announced.append("harm"))
    fault.begins("Switch", 1)
    assert (fault.confirm().ok, announced) == (False, [])
    assert "was not started by this drill" in fault.confirm().because


def test_a_runbook_that_nothing_undoes_is_not_interrupted(stage: Stage) -> None:
    ended = stage.perform(lambda drill: drill.interrupt("db_rejoin", at="anything"))
    assert isinstance(ended.crash, UsageError)
    assert stage.happened == []


def test_a_real_ansible_playbook_dies_at_its_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRILLBOOK_PLAYBOOKS", str(PLAYBOOKS))
    inventory, trace = tmp_path / "hosts.yml", tmp_path / "trace"
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory.write_text(json.dumps({"all": {"hosts": {"here": here}}}))
    tasks: list[str] = []
    fault = ControllerKilled("release_there", "Take a long time", lambda: tasks.append("harm"))
    playbook = load_runbook("release_there").playbook
    order = Order("release_there", playbook, inventory, {"release_digest": NEW, "release_trace": str(trace)})
    runner = Following(order, "a-run", tmp_path / "runner", lambda task: tasks.append(task.task), fault.begins)
    ended = runner.wait(lambda: None)
    assert ended.exit_code != 0
    assert fault.confirm().ok, fault.confirm()
    assert tasks == ["Look around", "harm"]
    assert not trace.exists()
