"""Every database host loses its data. The database is restored in place, and goes on archiving by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from backup.tests.conftest import Backups

EVERYTHING = "/var/lib/postgresql/15/main /etc/postgresql/15/main /etc/pgbackrest"

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def rebuilt(backups: Backups) -> Backups:
    """db2 holds nothing any more, not even settings, and neither does db1; db2 is restored in place."""
    backups.ask(backups.leader(), "INSERT INTO prices VALUES ('before the loss', 5) ON CONFLICT DO NOTHING")
    backups.hosts.follow("archive_now", backups.leader())
    for host in ("db1", "db2"):
        backups.hosts[host].check_output(f"systemctl stop postgresql@15-main pgbackrest && rm -rf {EVERYTHING}")
    backups.restore("db2", cluster="main")
    return backups


def test_the_last_archived_write_is_there(rebuilt: Backups) -> None:
    assert rebuilt.ask("db2", "SELECT price FROM prices WHERE event = 'before the loss'") == "5"


def test_each_check_is_met_in_place(rebuilt: Backups) -> None:
    rebuilt.verify("db2", backup_restore_cluster="main")


def test_the_rebuilt_primary_archives_and_can_be_backed_up(rebuilt: Backups) -> None:
    rebuilt.hosts.follow("archive_now", rebuilt.leader())
    rebuilt.back_up()


def test_the_other_host_becomes_its_standby_without_a_restart(
    rebuilt: Backups, eventually: Callable[..., None]
) -> None:
    started = rebuilt.ask("db2", "SELECT pg_postmaster_start_time()")
    rebuilt.hosts.play("molecule/backup/converge.yml")
    eventually(lambda: rebuilt.ask("db1", "SELECT count(*) FROM prices WHERE event = 'before the loss'"), "1")
    assert rebuilt.ask("db2", "SELECT pg_postmaster_start_time()") == started
