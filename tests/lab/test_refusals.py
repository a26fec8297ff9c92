"""What runbooks refuse, typed in an incident, and what is refused before any host is touched."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.lab.cluster import POSTGRESQL, await_true
from tests.lab.terminal import SABOTAGE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.cluster import Cluster
    from tests.lab.terminal import Ended, Terminal

pytestmark = pytest.mark.lab

REFUSED, USAGE, PLAY_FAILED = 3, 64, 2
GUARDED_SECONDS = 4.0


def test_a_healthy_primary_is_not_failed_over(terminal: Terminal, lab: Cluster) -> None:
    before = lab.primary, lab.timeline()
    told = refusal(terminal.playbook("db_failover"))
    assert f"{before[0]} leads and answers" in told
    assert (lab.primary, lab.timeline()) == before
    assert not lab.complaints()


def test_nobody_is_promoted_who_may_lack_an_acknowledged_write_and_the_old_primary_stays_down(
    terminal: Terminal, lab: Cluster
) -> None:
    former = lab.primary
    one, other = (host for host in lab.databases if host != former)
    lab.at(one, f"systemctl stop {POSTGRESQL}")
    lab.power_off(former)
    told = refusal(terminal.playbook("db_failover"))
    assert f"only {other} answers" in told
    assert not lab.primaries()

    lab.at(other, f"systemctl stop {POSTGRESQL}")
    told = refusal(terminal.playbook("db_failover"))
    assert "no standby answers" in told
    assert not lab.primaries()

    for host in (one, other):
        lab.at(host, f"systemctl start {POSTGRESQL}")
    recovered = terminal.playbook("db_failover")
    assert recovered.code == 0, recovered
    leader = lab.primary
    assert leader != former

    lab.power_on(former)
    await_true(lambda: "not started as a primary" in said(lab, former))
    time.sleep(GUARDED_SECONDS)
    assert lab.primaries() == [leader], f"{former} leads again: {said(lab, former)}"

    rejoined = terminal.playbook("db_rejoin")
    assert rejoined.code == 0, rejoined
    assert sorted(lab.standbys(leader)) == sorted({former, one, other} - {leader})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["no_such_scenario"], "there is no scenario 'no_such_scenario'"),
        (["db_failover", "-i", "inventories/nowhere"], "there is no inventory"),
        (["db_failover", "-e", "db_failover_graceful=maybe"], "the inputs of db_failover are wrong"),
        (["db_failover", "-e", "db_failover_gracefully=true"], "db_failover_gracefully"),
    ],
)
def test_wrong_words_end_in_two_lines(words: list[str], told: str, terminal: Terminal) -> None:
    before = terminal.runs()
    assert told in complaint(terminal.type("run", words[0], "-i", str(terminal.inventory), *words[1:]))
    assert terminal.runs() == before


def test_a_host_without_power_is_found_before_anything_is_touched(terminal: Terminal, lab: Cluster) -> None:
    before = terminal.runs(), lab.timeline()
    lab.power_off("backup1")
    try:
        assert "backup1 cannot be reached" in complaint(terminal.drill("db_failover"))
    finally:
        lab.power_on("backup1")
    assert (terminal.runs(), lab.timeline()) == before


def test_a_runbook_that_ansible_cannot_read_is_found_before_anything_is_touched(
    terminal: Terminal, tmp_path: Path
) -> None:
    spec = "argument_specs: {promote_unreadable: {options: {}, undo: {none: it is never run}}}"
    (tmp_path / "promote_unreadable.meta.yml").write_text(f"---\nshort_description: Unreadable\n{spec}\n")
    (tmp_path / "promote_unreadable.yml").write_text(
        "---\n- hosts: all\n  tasks:\n    - ansible.builtin.ping\n   nonsense\n"
    )
    before = terminal.runs()
    folder = {"DRILLBOOK_PLAYBOOKS": str(tmp_path)}
    told = complaint(terminal.drill("runbook_that_cannot_be_read", program=SABOTAGE, **folder))
    assert "promote_unreadable.yml cannot be read" in told
    assert terminal.runs() == before


def test_production_is_refused_and_no_host_of_it_is_asked(terminal: Terminal) -> None:
    began = time.monotonic()
    refused = terminal.type("run", "db_failover", "-i", "inventories/production", "--json")
    assert refused.code == REFUSED, refused
    assert "drills_allowed" in refused.err, refused
    assert "HINT: " in refused.err, refused
    assert refused.document["status"] == "refused", refused
    # the addresses of the example answer nobody: to ask one of them takes three seconds
    assert time.monotonic() - began < 3.0, refused


def refusal(ended: Ended) -> str:
    """What a runbook says that refuses."""
    assert ended.code == PLAY_FAILED, ended
    said = " ".join(ended.out.split())
    assert "nothing was changed" in said, ended
    assert "HINT: " in said, ended
    assert "changed=0" in said, ended
    return said


def complaint(ended: Ended) -> str:
    """What drillbook says to wrong input."""
    assert ended.code == USAGE, ended
    assert "Traceback" not in ended.err, ended
    error, hint = ended.err.splitlines()[-2:]
    assert error.startswith("error: "), ended
    assert hint.startswith("HINT: "), ended
    return error


def said(lab: Cluster, host: str) -> str:
    """What the database's unit says since the host has power again."""
    return lab.at(
        host, f"journalctl --boot --unit {POSTGRESQL} --no-pager --lines 30; systemctl status {POSTGRESQL} || true"
    )
