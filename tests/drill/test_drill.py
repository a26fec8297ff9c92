"""The loop of a drill, with every way in which it can go wrong."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from drills.probes import Probe, Reading
from drills.scenario import Drill, seconds

if TYPE_CHECKING:
    from tests.drill.conftest import Stage

YES = Probe("yes", lambda _: Reading(ok=True, because="always"))
NO = Probe("no", lambda _: Reading(ok=False, because="never"))


def failover(stage: Stage, **fault: object) -> None:
    def story(drill: Drill) -> None:
        drill.require(stage.probe())
        with drill.during(stage.workload()):
            drill.inject(stage.fault(**fault))
            drill.detect(YES, within=seconds(1))
            drill.follow("db_failover")
            drill.wait_for(YES, within=seconds(1))
            drill.heal()
            drill.follow("db_rejoin")

    stage.perform(story)


def test_a_story_is_told_in_order_and_what_it_undid_itself_is_not_undone_again(stage: Stage) -> None:
    failover(stage)
    assert stage.happened == [
        "customers come",
        "harm db1",
        "db_failover",
        "cure-host_powered_on",
        "db_rejoin",
        "customers go",
    ]
    journal = stage.journal()
    assert journal.entries[-1].get("status") == "completed"
    ended = journal.last("heal_ended")
    assert ended is not None
    assert ended.get("heal") == "healed"
    assert [entry.get("round") for entry in journal.all("read_back")] == [1, 2]
    assert {entry.get("exit_code") for entry in journal.all("cure_applied")} == {0}


def test_the_cure_is_on_the_disk_before_the_harm(stage: Stage) -> None:
    failover(stage)
    kinds = [json.loads(line)["kind"] for line in stage.journal_at_harm.splitlines()]
    assert kinds.index("cure_registered") < kinds.index("fault_started")


def test_a_fault_names_its_cure(stage: Stage) -> None:
    failover(stage)
    journal = stage.journal()
    named = [entry.get("cure") for entry in journal.all("fault_started")]
    assert named == [entry.get("cure") for entry in journal.all("cure_registered") if entry.get("cure") in named]
    assert named == ["cure of db1"]


def test_a_closed_gate_touches_nothing(stage: Stage) -> None:
    stage.steady = False
    failover(stage)
    assert stage.happened == []
    ended = stage.journal().last("heal_ended")
    assert ended is not None
    assert ended.get("heal") == "nothing_to_heal"


def test_after_a_fault_that_did_not_bite_no_runbook_is_followed(stage: Stage) -> None:
    failover(stage, bites=False)
    assert "db_failover" not in stage.happened
    assert "cure-host_powered_on" in stage.happened
    assert "fault_unconfirmed" in stage.kinds()


def test_what_is_never_detected_is_not_repaired(stage: Stage) -> None:
    def story(drill: Drill) -> None:
        drill.inject(stage.fault())
        drill.detect(NO, within=seconds(0.1))
        drill.follow("db_failover")

    stage.perform(story)
    assert stage.happened == ["harm db1", "cure-host_powered_on"]
    assert "not_detected" in stage.kinds()


def test_after_a_failed_runbook_faults_are_cured_first_then_the_runbook_is_undone(stage: Stage) -> None:
    stage.exit_codes["db_failover"] = 2
    failover(stage)
    assert stage.happened[2:] == ["db_failover", "cure-host_powered_on", "cure-db_rejoin", "customers go"]


def test_a_cure_that_fails_does_not_stop_the_next_one_and_the_heal_has_failed(stage: Stage) -> None:
    stage.exit_codes |= {"db_failover": 2, "cure-host_powered_on": 1}
    failover(stage)
    assert "cure-db_rejoin" in stage.happened
    ended = stage.journal().last("heal_ended")
    assert ended is not None
    assert ended.get("heal") == "failed"


def test_a_system_that_is_not_steady_after_the_heal_is_not_healed(stage: Stage) -> None:
    def unsettle(playbook: str) -> None:
        stage.steady = playbook != "db_rejoin"

    stage.on_playbook = unsettle
    failover(stage)
    ended = stage.journal().last("heal_ended")
    assert ended is not None
    assert ended.get("heal") == "failed"


@pytest.mark.parametrize("error", [RuntimeError("out of ideas"), KeyboardInterrupt()])
def test_whatever_is_raised_in_the_story_is_healed(stage: Stage, error: BaseException) -> None:
    failover(stage, explodes=error)
    assert "cure-host_powered_on" in stage.happened
    journal = stage.journal()
    assert journal.first("aborted") is not None
    assert journal.entries[-1].get("status") == "aborted"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_runbook_and_heals(stage: Stage, number: signal.Signals) -> None:
    stage.on_playbook = lambda name: os.kill(os.getpid(), number) if name == "db_failover" else None
    failover(stage)
    assert stage.happened[-2:] == ["cure-host_powered_on", "cure-db_rejoin"]
    assert stage.journal().entries[-1].get("status") == "aborted"


def test_a_second_signal_does_not_stop_the_heal(stage: Stage) -> None:
    def press(_: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    stage.on_playbook = press
    failover(stage)
    assert any("healing goes on" in said for said in stage.happened)
    assert "cure-db_rejoin" in stage.happened
    ended = stage.journal().last("heal_ended")
    assert ended is not None
    assert ended.get("heal") == "healed"


def test_when_nobody_leads_the_gate_is_closed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drills.perform.look_at_all", lambda _: [])

    def story(drill: Drill) -> None:
        drill.inject(stage.fault(host=drill.site["db_primary"]))

    stage.perform(story)
    assert stage.happened == []
    gate = stage.journal().first("gate")
    assert gate is not None
    assert gate.get("ok") is False


def test_several_workloads_come_and_go_together(stage: Stage) -> None:
    def story(drill: Drill) -> None:
        with drill.during(stage.workload(), stage.workload()):
            stage.happened.append("story")

    stage.perform(story)
    assert stage.happened == [*["customers come"] * 2, "story", *["customers go"] * 2]
    kinds = stage.kinds()
    assert kinds.count("workload_started") == kinds.count("workload_ended") == 2
    assert kinds.index("read_back") > kinds.index("workload_ended") + 1


def test_customers_stay_for_a_while_after_the_last_runbook(stage: Stage) -> None:
    def story(drill: Drill) -> None:
        with drill.during(stage.workload()):
            drill.follow("db_failover")

    stage.perform(story)
    ended, left = stage.journal().last("runbook_ended"), stage.journal().first("workload_ended")
    assert ended is not None
    assert left is not None
    assert left.t - ended.t >= 1.0


def test_a_story_knows_the_event_that_its_customers_book(stage: Stage) -> None:
    told = []
    stage.perform(lambda drill: told.append(drill.site.event))
    assert told == [stage.run_dir.name]
