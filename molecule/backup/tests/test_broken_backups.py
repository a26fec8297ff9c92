"""Backups damaged on purpose, one way each. Every one must be caught before anybody relies on it, and by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from backup.tests.conftest import Backups

RESTORED = 5433
REPOSITORY = "/var/lib/pgbackrest"
SETTINGS = "/etc/pgbackrest/pgbackrest.conf"


def test_a_missing_segment_of_wal(backups: Backups) -> None:
    backups.hosts.follow("archive_now", backups.leader())
    host = backups.hosts["backup1"]
    # The last but one: recovery needs it to go past it.
    segment = host.check_output(f"find {REPOSITORY}/archive -name '0*-*.zst' | sort | tail -2 | head -1")
    host.check_output(f"mv {segment} /root/")
    said = backups.restore_refused()
    host.check_output(f"mv /root/{segment.rsplit('/')[-1]} {segment}")
    assert f"WAL is missing in the repository: {segment.rsplit('/')[-1][:24]}" in said
    assert "nothing was changed" in said


def test_a_truncated_file(backups: Backups) -> None:
    host = backups.hosts["backup1"]
    file = host.check_output(f"find -L {REPOSITORY}/backup/main/latest -type f -path '*bundle*' | sort | head -1")
    host.check_output(f"cp -p {file} /root/whole && truncate -s -100 {file}")
    said = backups.restore_refused(read_all=True)
    host.check_output(f"cp -p /root/whole {file}")
    assert "the repository is damaged" in said
    assert "nothing was changed" in said


@pytest.mark.long
def test_a_backup_from_the_wrong_cluster(backups: Backups) -> None:
    said = backups.restore_refused(system_identifier="7000000000000000000")
    assert "and 7000000000000000000 was asked for; nothing was changed" in said


def test_a_stopped_archiver(backups: Backups, eventually: Callable[..., None]) -> None:
    primary = backups.hosts["db1"]
    backups.ask("db1", "ALTER SYSTEM SET archive_command = '/bin/false'")
    backups.ask("db1", "SELECT pg_reload_conf()")
    backups.ask("db1", "SELECT pg_switch_wal() FROM pg_logical_emit_message(true, 'test', 'something')")
    failing = "SELECT last_failed_time > last_archived_time FROM pg_stat_archiver"
    eventually(lambda: backups.ask("db1", failing), "t", within=30)
    said = backups.hosts.refusal("playbooks/backup.yml")
    backups.ask("db1", "ALTER SYSTEM RESET archive_command")
    backups.ask("db1", "SELECT pg_reload_conf()")
    assert primary.service("postgresql@15-main").is_running
    assert "archiving fails on" in said or "segments wait on" in said


def test_a_wrong_key(backups: Backups) -> None:
    host = backups.hosts["backup1"]
    host.check_output(
        f"cp -p {SETTINGS} /root/settings && sed -i 's/^repo1-cipher-pass=.*/repo1-cipher-pass=another/' {SETTINGS}"
    )
    said = backups.restore_refused()
    host.check_output(f"cp -p /root/settings {SETTINGS}")
    assert "repository 1 cannot serve: the passphrase is wrong, or the list of backups is damaged" in said


@pytest.mark.long
def test_too_little_disk(backups: Backups) -> None:
    host = backups.hosts["backup1"]
    place = "/var/lib/postgresql/15/small"
    host.check_output(
        f"install -d -o postgres {place} && mount -t tmpfs -o size=20m tmpfs {place} && chown postgres {place}"
    )
    said = backups.restore_refused(cluster="small")
    host.check_output(f"umount {place} && rmdir {place}")
    assert "too little disk: 0." in said


@pytest.mark.long
def test_a_time_that_the_wal_does_not_reach(backups: Backups) -> None:
    said = backups.restore_refused(type="time", target="2099-01-01 00:00:00+00:00")
    assert "the target 2099-01-01 00:00:00+00:00 is not reached: the newest WAL in the repository came" in said


def test_a_forgotten_port_is_no_proof_of_another_cluster(restored: Backups) -> None:
    said = restored.verify_refused(backup_restore_cluster="second", backup_verify_drop=True)
    place = "/var/lib/postgresql/15"
    assert f"the server on port {RESTORED} has the data {place}/restored and not {place}/second" in said
    assert "rows of" not in said


def test_what_an_interrupted_restore_leaves_for_a_standby(restored: Backups) -> None:
    restored.ask("backup1", "ALTER SYSTEM SET recovery_target_name = 'lunch'", RESTORED)
    said = restored.verify_refused()
    restored.ask("backup1", "ALTER SYSTEM RESET recovery_target_name", RESTORED)
    assert "what recovery was told is forgotten: missed: postgresql.auto.conf still has recovery_target_name:" in said


@pytest.mark.long
def test_a_repository_that_failed_midway(restored: Backups) -> None:
    # As if the plan of a restore to the latest had found more than recovery then got.
    host, plan = restored.hosts["backup1"], "/etc/pgbackrest/restore-restored.json"
    more = "plan['stop'] = {'type': 'latest', 'target': ''}; plan['wal']['last'] = '0000000100000FFF00000001'"
    change = f"import json; plan = json.load(open('{plan}')); {more}; json.dump(plan, open('{plan}', 'w'))"
    host.check_output(f'cp -p {plan} /root/plan && python3 -c "{change}"')
    said = restored.verify_refused()
    host.check_output(f"cp -p /root/plan {plan}")
    assert "before anything of 0000000100000FFF00000001, which is in the repository" in said


@pytest.fixture(scope="module")
def harmed(restored: Backups) -> str:
    """What the verification says of a restored cluster in which much is missing."""
    for harm in (
        "TRUNCATE prices",
        "DROP EXTENSION pgcrypto",
        "DROP ROLE balancer",
        "ALTER TABLE bookings DROP CONSTRAINT bookings_seat_key",
        "INSERT INTO bookings SELECT 999999, 1, 'somebody'",
    ):
        restored.ask("backup1", harm, RESTORED)
    return restored.verify_refused()


@pytest.mark.parametrize(
    "said",
    [
        "rows of bookings.public.prices: missed: 0 and not",
        "rows of bookings.public.bookings: missed: 1001 and not 1000",
        "extensions are there: missed: bookings: pgcrypto 1.3 is missing",
        "roles are there: missed: balancer is missing",
        "sequences are not behind: missed: bookings: public.bookings_id_seq is at",
        "rule: a seat is sold once: missed: broken 1 times",
    ],
)
def test_something_missing(harmed: str, said: str) -> None:
    assert said in harmed


@pytest.mark.long
def test_an_empty_database(restored: Backups) -> None:
    restored.ask("backup1", "TRUNCATE bookings", RESTORED)
    said = restored.verify_refused()
    assert "rows of bookings.public.bookings: missed: 0 and not 1000" in said
    assert "rule: there is at least one booking: missed" in said


def test_a_flipped_bit_in_a_page(restored: Backups) -> None:
    restored.ask("backup1", "INSERT INTO bookings (seat) SELECT * FROM generate_series(1, 1000)", RESTORED)
    path = restored.ask("backup1", "SELECT pg_relation_filepath('bookings')", RESTORED)
    host = restored.hosts["backup1"]
    host.check_output("pg_ctlcluster 15 restored stop")
    data = f"/var/lib/postgresql/15/restored/{path}"
    flip = (
        f"import sys; f = open('{data}', 'r+b'); f.seek(8000); b = f.read(1); f.seek(8000); f.write(bytes([b[0] ^ 1]))"
    )
    host.check_output(f'python3 -c "{flip}"')
    host.check_output("pg_ctlcluster 15 restored start")
    said = restored.verify_refused()
    assert "checksums of pages: missed" in said
    assert "rows of bookings.public.bookings: missed: it cannot be read" in said
