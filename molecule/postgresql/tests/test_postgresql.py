"""Three members, db1 leads; then db1 is lost, db2 takes over, and db1 comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Hosts

UNIT = "postgresql@15-main"
STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum'"


def ask(hosts: Hosts, member: str, question: str) -> str:
    """What the member's server answers, within five seconds."""
    return str(hosts[member].check_output(f'timeout 5 runuser -u postgres -- psql -XAtqc "{question}"'))


@pytest.fixture(scope="module")
def failed_over(hosts: Hosts) -> None:
    """The steps of a failover that concern this role: db1 is lost, db2 takes over."""
    hosts.follow("kill", "db1")
    hosts.follow("detach", "db2", "db3")
    hosts.follow("take_over", "db2", "db3", postgresql_take_over_leader=hosts.names["db2"])


def test_the_leader_has_two_standbys_in_its_quorum(hosts: Hosts, eventually: Callable[..., None]) -> None:
    eventually(lambda: ask(hosts, "db1", STREAMING), "2")


def test_a_write_is_on_a_standby_when_it_returns(hosts: Hosts, eventually: Callable[..., None]) -> None:
    ask(hosts, "db1", "CREATE TABLE kept AS SELECT 1 AS n")
    for standby in ("db2", "db3"):
        eventually(lambda standby=standby: ask(hosts, standby, "SELECT count(*) FROM kept"), "1")


def test_wal_is_handed_to_the_archive_in_time_after_a_restart_as_well(
    hosts: Hosts, eventually: Callable[..., None]
) -> None:
    ask(hosts, "db1", "ALTER SYSTEM SET archive_timeout = '2s'")
    hosts["db1"].check_output(f"systemctl restart {UNIT}")
    eventually(lambda: ask(hosts, "db1", STREAMING), "2")
    ask(hosts, "db1", "INSERT INTO kept VALUES (3)")
    written = ask(hosts, "db1", "SELECT pg_walfile_name(pg_current_wal_lsn())")
    # Without the unit's reload it takes checkpoint_timeout, five minutes.
    eventually(lambda: ask(hosts, "db1", "SELECT last_archived_wal FROM pg_stat_archiver") >= written, expected=True)
    ask(hosts, "db1", "ALTER SYSTEM RESET archive_timeout")


def test_a_write_without_a_standby_does_not_return(hosts: Hosts) -> None:
    for standby in ("db2", "db3"):
        hosts[standby].check_output(f"systemctl kill --signal=STOP {UNIT}")
    write = hosts["db1"].run("timeout 3 runuser -u postgres -- psql -XAtqc 'INSERT INTO kept VALUES (2)'")
    for standby in ("db2", "db3"):
        hosts[standby].check_output(f"systemctl kill --signal=CONT {UNIT}")
    assert write.rc == 124, "the primary acknowledged a write that no standby has"


@pytest.mark.usefixtures("failed_over")
def test_the_guard_refuses_a_former_primary_while_another_leads(hosts: Hosts) -> None:
    refused = hosts["db1"].run(f"systemctl start {UNIT}")
    assert refused.rc != 0
    assert not hosts["db1"].service(UNIT).is_running
    said = hosts["db1"].check_output(f"journalctl --unit={UNIT} --boot --output=cat")
    assert f"not started as a primary: {hosts.names['db2']} leads now. HINT: " in said


@pytest.mark.usefixtures("failed_over")
def test_the_new_primary_has_its_quorum_from_the_standby_that_is_left(hosts: Hosts) -> None:
    assert hosts.follow("prove_writes", "db2") == 0
    assert ask(hosts, "db2", STREAMING) == "1"


@pytest.mark.usefixtures("failed_over")
def test_the_runbook_brings_the_former_primary_back_as_a_standby(hosts: Hosts, eventually: Callable[..., None]) -> None:
    hosts.play("playbooks/db_rejoin.yml")
    eventually(lambda: ask(hosts, "db2", STREAMING), "2")
    assert ask(hosts, "db1", "SELECT pg_is_in_recovery()") == "t"
    assert ask(hosts, "db1", "SELECT count(*) FROM kept WHERE n = 1") == "1"


@pytest.mark.usefixtures("failed_over")
def test_the_desired_state_is_the_same_whoever_leads(hosts: Hosts) -> None:
    assert hosts.play("molecule/postgresql/converge.yml") == 0
    assert ask(hosts, "db2", STREAMING) == "2"
