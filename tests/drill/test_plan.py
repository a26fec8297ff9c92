"""A story that is only written down, and what is checked of it before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from drills.errors import UsageError
from drills.faults import Fault, HostPoweredOff
from drills.pages.playbook import read_runbook
from drills.plan import PlannedDrill, PlannedSite, plan
from drills.preflight import runbook_variables
from drills.scenario import scenarios
from drills.site import Host, Site
from tests.drill.conftest import PLAYBOOKS

ROOT = Path(__file__).resolve().parents[2]
DIGEST = f"sha256:{'0' * 64}"
NAMES = ("1.0.0", "1.1.0", "2.0.0", "crash", "errors", "slow", "latent")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRILLBOOK_HOME", str(tmp_path))
    monkeypatch.setenv("DRILLBOOK_PLAYBOOKS", str(PLAYBOOKS))


def site(**variables: object) -> Site:
    machines = {
        "load_balancer": "lb1",
        "application": "app1",
        "database": "db1",
        "release_store": "store1",
        "backup": "b1",
        "acme_server": "acme1",
    }
    groups = {group: (name,) for group, name in machines.items()}
    hosts = {name: Host(name) for name in machines.values()}
    made = Site(Path("inventories/lab"), hosts, groups, {"environment_name": "stage", **variables})
    made.meanings["db_primary"] = lambda: hosts["db1"]
    return made


@pytest.mark.parametrize("name", sorted(scenarios()))
def test_every_scenario_can_be_planned(name: str) -> None:
    known = dict.fromkeys(NAMES, DIGEST)
    planned = plan(scenarios()[name], site(drill_releases=known))
    assert planned.unresolved == {}
    judges = {one["judge"] for one in planned.objectives}
    # Where every database host is lost, so are the last writes, and their seats are sold again.
    assert judges >= {"no_acknowledged_write_lost", "no_double_booking"} or "loses_at_most" in judges


@pytest.mark.parametrize("name", sorted(scenarios()))
def test_a_lab_that_is_down_can_be_planned_for(name: str) -> None:
    planned = plan(scenarios()[name], site())
    assert not any(name.startswith("db_") for name in planned.unresolved)


def test_a_release_that_nobody_knows_is_told_with_those_that_are() -> None:
    with pytest.raises(UsageError) as caught:
        PlannedSite(site(drill_releases={"1.0.0": DIGEST})).release("1.0")
    assert "1.0.0" in caught.value.hint


def test_a_task_at_which_a_controller_is_killed_is_one_of_its_runbook() -> None:
    for scenario in scenarios().values():
        drill = PlannedDrill(PlannedSite(site()))
        scenario.story(drill)
        for step in drill.steps:
            if step.step == "interrupt":
                assert step.playbook is not None
                tasks = {task.name for task in read_runbook(ROOT / step.playbook, ROOT / "roles").tasks()}
                assert step.what.partition("“")[2].rstrip("”") in tasks, f"{scenario.name}: {step.what}"


def test_the_verbs_of_a_release_drill_are_written_down() -> None:
    drill = PlannedDrill(PlannedSite(site()))
    drill.expect_failure("release_there", saying="not ready", release_digest="x")
    drill.interrupt("release_there", at="Take a long time", release_digest="x")
    assert [(step.step, step.what) for step in drill.steps] == [
        ("expect failure", "release_there, saying “not ready”"),
        ("interrupt", "release_there at “Take a long time”"),
    ]
    assert [Path(path).name for path in drill.playbooks] == ["release_there.yml", "release_back.yml"]


def test_a_heal_undoes_what_was_harmed_since_the_heal_before() -> None:
    drill = PlannedDrill(PlannedSite(site()))
    for host in ("db1", "lb1"):
        drill.inject(HostPoweredOff(Host(host)))
        drill.heal()
    healed = [step.what for step in drill.steps if step.step == "heal"]
    assert healed == ["host_powered_on db1", "host_powered_on lb1"]


def test_a_plan_refuses_what_the_drill_would_refuse() -> None:
    drill = PlannedDrill(PlannedSite(site()))
    with pytest.raises(UsageError, match="saying nothing"):
        drill.expect_failure("release_there", saying="")
    with pytest.raises(UsageError, match="no runbook undoes it"):
        drill.interrupt("db_rejoin", at="anything")


def test_each_following_is_checked_and_only_the_operators_variables_are_given_back() -> None:
    followed = [
        ("release_there", {"release_digest": "a"}),
        ("release_back", {}),
        ("release_there", {"release_digest": "b"}),
    ]
    assert runbook_variables(followed, {}, {}) == {"release_there": {}, "release_back": {}}
    given = {"release_digest": "c", "confirm": "stage"}
    mine = {"release_digest": "c", "confirm": "stage"}
    assert runbook_variables(followed, given, {}) == {"release_there": mine, "release_back": mine}
    with pytest.raises(UsageError, match="missing required"):
        runbook_variables([*followed, ("release_there", {})], {}, {})


def test_what_only_a_deletion_can_say_is_planned_with_a_stand_in() -> None:
    drill = PlannedDrill(PlannedSite(site()))
    scenarios()["undo_a_bad_delete"].story(drill)
    inputs = dict(drill.followed)["backup_restore"]
    assert inputs["backup_restore_target"] == "<the transaction of the DELETE>"
    assert runbook_variables(drill.followed, {}, {}).keys() == dict(drill.followed).keys()
    assert any("bookings of <event>" in step.what for step in drill.steps)


class InjectingDrill(PlannedDrill):
    """A drill whose hosts lose their power at a known moment."""

    def inject(self, fault: Fault) -> None:
        super().inject(fault)
        assert isinstance(fault, HostPoweredOff)
        fault._moment[:] = [4711.0]


def test_a_copy_from_the_bucket_is_verified_up_to_the_moment_at_which_the_backup_host_died() -> None:
    drill = InjectingDrill(PlannedSite(site()))
    scenarios()["lose_the_backup_host"].story(drill)
    assert dict(drill.followed)["backup_verify"]["backup_restore_reference"] == 4711.0
    assert runbook_variables(drill.followed, {}, {}).keys() == dict(drill.followed).keys()


def test_deleted_rows_are_looked_for_before_what_they_came_back_from_is_thrown_away() -> None:
    drill = PlannedDrill(PlannedSite(site()))
    scenarios()["undo_a_bad_delete"].story(drill)
    told = [step.what.partition(" within")[0] for step in drill.steps]
    assert told.index("rows_restore") < told.index("deleted_rows_back") < told.index("backup_drop")
