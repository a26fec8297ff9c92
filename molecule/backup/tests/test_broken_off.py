"""A restore that failed or was broken off can be followed again, and takes nothing with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from backup.tests.conftest import Backups

RESTORED = 5433
DATA = "/var/lib/postgresql/15/restored"

pytestmark = pytest.mark.long


def test_what_was_put_aside_outlives_a_restore_that_failed(beside: Backups) -> None:
    host, name = beside.hosts["backup1"], beside.hosts.names["backup1"]
    beside.restore(type="manifest")
    original = host.check_output(f"stat --format=%i {DATA}")
    newest = beside.newest_set()
    said = beside.restore_refused(type="name", target="nobody_made_it", set=newest, overwrite=f"{name}:restored")
    assert "recovery ended without its target" in said
    beside.restore(type="manifest")
    assert host.check_output(f"stat --format=%i {DATA}.before_restore") == original
    assert not host.file(f"{DATA}.before_restore.~1~").exists
    beside.verify()


def test_each_cluster_that_is_overwritten_is_kept(beside: Backups) -> None:
    host, name = beside.hosts["backup1"], beside.hosts.names["backup1"]
    beside.restore(type="manifest")
    first = host.check_output(f"stat --format=%i {DATA}")
    for _ in range(2):
        beside.restore(type="manifest", overwrite=f"{name}:restored")
    assert host.check_output(f"stat --format=%i {DATA}.before_restore.~1~") == first
    beside.drop()
    assert host.run(f"ls -d {DATA}*").rc != 0


def test_a_restore_whose_recovery_is_still_going_on_is_waited_for(beside: Backups) -> None:
    host = beside.hosts["backup1"]
    beside.restore(type="manifest")
    host.check_output("runuser -u postgres -- pg_conftool 15 restored set recovery_min_apply_delay 60s")
    beside.ask(beside.leader(), "INSERT INTO prices VALUES ('a slow one', 1)")
    beside.hosts.follow("archive_now", beside.leader())
    asked: dict[str, object] = {"overwrite": f"{beside.hosts.names['backup1']}:restored"}
    said = beside.hosts.refusal(
        "playbooks/backup_restore.yml", **beside.asked("backup1", asked), backup_recovery_patience_seconds=2
    )
    assert "it is still recovering after 2 s; nothing was lost" in said
    started = host.check_output(f"head --lines=1 {DATA}/postmaster.pid")
    beside.restore()
    assert host.check_output(f"head --lines=1 {DATA}/postmaster.pid") == started
    assert beside.ask("backup1", "SELECT price FROM prices WHERE event = 'a slow one'", RESTORED) == "1"
    beside.ask(beside.leader(), "DELETE FROM prices WHERE event = 'a slow one'")
    said = beside.restore_refused()
    assert "runs; nothing was changed" in said, "one that has recovered is not gone on with"
