"""A drill that is ended from outside, at the worst moments: nothing may stay broken.

Two of the moments are tried each time; all of them with DRILLBOOK_ALL_TESTS=1.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.cluster import Cluster
    from tests.lab.terminal import RunningDrill, Terminal

pytestmark = pytest.mark.lab

STOPPED, UNHEALED = 3, 4


def kind(name: str, **fields: str) -> Callable[[dict[str, Any]], bool]:
    """An entry of this kind, with these fields."""
    return lambda entry: entry["kind"] == name and fields.items() <= entry.items()


def task(verb: str) -> Callable[[dict[str, Any]], bool]:
    """A task that changed something on a host."""
    return lambda entry: entry["kind"] == "task" and verb in entry["path"] and entry["outcome"] == "changed"


MOMENTS = {
    "under load, before the fault": kind("workload_started"),
    "between the cure and the fault": kind("cure_registered"),
    "right after the fault": kind("fault_started"),
    "when the runbook begins": kind("runbook_started", runbook="db_failover"),
    "after the old primary was cut off from customers": task("load_balancer/tasks/cut_off.yml"),
    "between taking the standbys away and the promotion": task("postgresql/tasks/detach.yml"),
    "after the promotion": task("postgresql/tasks/take_over.yml"),
    "during the heal": kind("heal_started"),
    "while the old primary is rejoined": kind("runbook_started", runbook="db_rejoin"),
}
EACH_TIME = {
    "between taking the standbys away and the promotion",
    "during the heal",
}


@pytest.mark.parametrize(
    "moment", [pytest.param(name, marks=[] if name in EACH_TIME else [pytest.mark.long]) for name in MOMENTS]
)
def test_what_a_killed_drill_left_is_healed_by_another_process(moment: str, terminal: Terminal, lab: Cluster) -> None:
    drill = terminal.begin("db_failover")
    drill.await_entry(MOMENTS[moment])
    drill.signal(signal.SIGKILL)
    hurt = any(entry["kind"] in {"cure_registered", "fault_started"} for entry in drill.entries())
    judged = terminal.type("judge", str(drill.folder), "--json")
    assert judged.code == (UNHEALED if hurt else STOPPED), judged
    if hurt:
        refused = terminal.drill("db_failover")
        assert refused.code == STOPPED, refused
        assert f"HINT: drillbook heal {drill.folder.name}" in refused.err
    healed = terminal.type("heal")
    assert healed.code == 0, f"{healed}\nrun {drill.folder}"
    assert_nothing_is_left(drill, lab)
    assert terminal.type("judge", str(drill.folder), "--json").code == STOPPED, f"run {drill.folder}"
    assert "nothing to heal" in terminal.type("heal").out


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_drill_that_is_asked_to_stop_heals_first(number: signal.Signals, terminal: Terminal, lab: Cluster) -> None:
    drill = terminal.begin("db_failover")
    drill.await_entry(task("postgresql/tasks/detach.yml"))
    assert drill.signal(number) == STOPPED, f"run {drill.folder}"
    assert drill.entries()[-1]["status"] == "aborted", f"run {drill.folder}"
    assert "nothing to heal" in terminal.type("heal").out
    assert_nothing_is_left(drill, lab)


def assert_nothing_is_left(drill: RunningDrill, lab: Cluster) -> None:
    assert not drill.orphans(), f"run {drill.folder}"
    assert not lab.await_whole(), f"run {drill.folder}"
