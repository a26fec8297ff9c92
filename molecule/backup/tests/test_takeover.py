"""The primary is lost before it has brought its last WAL away; the new primary goes on archiving without a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from backup.tests.conftest import Backups

RESTORED = 5433
WRITE_AND_FINISH = "SELECT pg_switch_wal() FROM pg_logical_emit_message(true, 'test', 'something')"

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def taken_over(backups: Backups, eventually: Callable[..., None]) -> Backups:
    """db1 is lost with two finished segments that are in no repository; db2 leads."""
    backups.ask("db1", "ALTER SYSTEM SET archive_command = '/bin/false'")
    backups.ask("db1", "SELECT pg_reload_conf()")
    for _ in range(2):
        backups.ask("db1", WRITE_AND_FINISH)
    backups.ask("db1", "INSERT INTO prices VALUES ('the last one', 3)")
    eventually(lambda: backups.ask("db2", "SELECT count(*) FROM prices WHERE event = 'the last one'"), "1")
    names = backups.hosts.names
    for verb, on in (("kill", "db1"), ("take_over", "db2")):
        leader = {"postgresql_take_over_leader": names["db2"]}
        backups.hosts.play("molecule/verb.yml", verb=verb, verb_role="postgresql", verb_hosts=names[on], **leader)
    return backups


def test_the_new_primary_archives_by_itself(taken_over: Backups) -> None:
    taken_over.hosts.follow("archive_now", taken_over.leader())


def test_what_the_old_primary_kept_is_missing_and_named(taken_over: Backups) -> None:
    assert "WAL is missing in the repository" in taken_over.restore_refused()


def test_the_gap_can_be_closed_and_every_write_restored(taken_over: Backups) -> None:
    taken_over.hosts.follow("close_gap", "db2")
    taken_over.hosts.follow("archive_now", taken_over.leader())
    taken_over.restore()
    taken_over.verify()
    found = taken_over.ask("backup1", "SELECT count(*) FROM prices WHERE event = 'the last one'", RESTORED)
    taken_over.drop()
    assert found == "1"
