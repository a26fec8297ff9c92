"""A backup is worth what a restore of it is: beside the live cluster, to a moment, from either repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from backup.tests.conftest import Backups

RESTORED = 5433


def test_each_check_is_met_for_a_backup_that_is_whole(beside: Backups) -> None:
    beside.restore(type="manifest")
    beside.verify()
    assert beside.ask("backup1", "SELECT count(*) FROM bookings", RESTORED) == "1000"
    assert beside.ask("backup1", "SHOW archive_mode", RESTORED) == "off"


@pytest.mark.long
def test_a_restored_cluster_is_not_overwritten_unless_it_is_named(beside: Backups) -> None:
    beside.restore(type="manifest")
    name = beside.hosts.names["backup1"]
    said = beside.restore_refused(type="manifest")
    assert f"the cluster restored on {name} runs; nothing was changed" in said
    beside.restore(type="manifest", overwrite=f"{name}:restored")


def test_the_live_cluster_is_not_restored_in_place_while_it_runs(backups: Backups) -> None:
    said = backups.restore_refused("db2", cluster="main")
    assert "leads and answers, so there is nothing to restore in place; nothing was changed" in said


@pytest.mark.long
@pytest.mark.parametrize("kind", ["name", "time", "xid", "lsn"])
def test_deleted_rows_come_back_from_the_moment_before(beside: Backups, kind: str) -> None:
    beside.ask("db1", "INSERT INTO prices VALUES ('matinee', 7)")
    target = {
        "name": "SELECT 'before_the_delete'",
        "time": "SELECT now()",
        "xid": "SELECT 1",
        "lsn": "SELECT pg_current_wal_insert_lsn()",
    }[kind]
    answer = beside.ask("db1", target)
    beside.ask("db1", "SELECT pg_create_restore_point('before_the_delete')")
    deleted = beside.ask("db1", "DELETE FROM prices WHERE event = 'matinee' RETURNING pg_current_xact_id()")
    beside.ask("db1", "INSERT INTO prices VALUES ('later', 1); DELETE FROM prices WHERE event = 'later'")
    beside.hosts.follow("archive_now", beside.leader())
    named = {"set": beside.newest_set()} if kind == "name" else {}
    beside.restore(type=kind, target=deleted if kind == "xid" else answer, exclusive=kind in ("xid", "lsn"), **named)
    beside.verify()
    assert beside.ask("backup1", "SELECT price FROM prices WHERE event = 'matinee'", RESTORED) == "7"
    assert beside.ask("backup1", "SELECT count(*) FROM prices WHERE event = 'later'", RESTORED) == "0"


@pytest.mark.long
def test_one_database_is_brought_back_and_the_others_are_said_to_be_left_out(beside: Backups) -> None:
    leader = beside.leader()
    beside.ask(leader, "CREATE DATABASE archive", database="postgres")
    beside.back_up()
    beside.restore(type="manifest", databases=["bookings"])
    beside.verify()
    assert beside.ask("backup1", "SELECT count(*) FROM bookings", RESTORED) == "1000"
    unusable = beside.hosts["backup1"].run(f"runuser -u postgres -- psql -p {RESTORED} -d archive -c 'SELECT 1'")
    beside.ask(leader, "DROP DATABASE archive", database="postgres")
    assert unusable.rc != 0


@pytest.mark.long
def test_the_bucket_serves_when_the_first_repository_is_gone(beside: Backups) -> None:
    host = beside.hosts["backup1"]
    host.check_output("systemctl stop pgbackrest && mv /var/lib/pgbackrest /var/lib/pgbackrest.gone")
    try:
        beside.restore("db2", repository=2, type="manifest")
        beside.verify("db2")
    finally:
        host.check_output("mv /var/lib/pgbackrest.gone /var/lib/pgbackrest && systemctl start pgbackrest")
    assert beside.ask("db2", "SELECT count(*) FROM bookings", RESTORED) == "1000"


def test_no_secret_is_in_an_argument_or_a_log(beside: Backups) -> None:
    for host in ("db1", "backup1"):
        found = beside.hosts[host].run(
            "grep -rlE 'only-for-this-scenario-(first|second)' /var/log /var/lib/postgresql /tmp"
        )
        assert found.stdout == ""
