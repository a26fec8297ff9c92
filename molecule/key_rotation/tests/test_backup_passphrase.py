"""A new backup passphrase comes with a repository of its own; the former one is kept while it may be needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from key_rotation.tests.conftest import Changed, Rotation

    from conftest import Hosts

NAME = "backup/passphrase"
FOLDER = "/var/lib/pgbackrest"
SETTINGS = "/etc/pgbackrest/pgbackrest.conf"
FORMER = "/etc/pgbackrest/former-1.conf"


def repositories(hosts: Hosts) -> set[str]:
    return set(hosts["backup1"].check_output(f"ls {FOLDER}").split())


def info(hosts: Hosts, settings: str = SETTINGS) -> dict[str, Any]:
    command = f"runuser -u postgres -- pgbackrest --config={settings} --stanza=main --output=json info"
    return dict(json.loads(hosts["backup1"].check_output(command))[0])


def full(hosts: Hosts, settings: str = SETTINGS) -> int:
    return len([backup for backup in info(hosts, settings)["backup"] if backup["type"] == "full"])


def read_with(hosts: Hosts, passphrase: str) -> bool:
    """Whether a passphrase reads the present repository."""
    text = hosts["backup1"].check_output(f"cat {SETTINGS}")
    present = next(line.partition("=")[2] for line in text.splitlines() if line.startswith("repo1-cipher-pass="))
    hosts["backup1"].check_output(f"sed 's/{present}/{passphrase}/' {SETTINGS} > /root/tried.conf")
    # What a wrong passphrase deciphers is no text.
    command = "pgbackrest --config=/root/tried.conf --stanza=main --output=json --log-level-file=off info"
    command += " | tr -cd '[:print:]'"
    said = hosts["backup1"].check_output(command)
    assert '"backup":' in said, said
    return "CryptoError" not in said and "FormatError" not in said


def test_a_new_repository_is_begun_and_the_former_one_is_kept(
    changed: Changed, hosts: Hosts, rotation: Rotation
) -> None:
    former, present = changed.before[NAME], changed.after[NAME]
    assert rotation.versions(NAME)["previous"].id == former.id, "nobody could read the backups that are still needed"
    assert repositories(hosts) == {former.id[:8], present.id[:8]}
    assert info(hosts, FORMER)["name"] == "main"
    assert read_with(hosts, present.value)
    assert not read_with(hosts, former.value)
    assert "it still reads the former repository, whose backups may be needed" in changed.run.line


def test_a_leaked_passphrase_reads_nothing_any_more(revoked: Changed, hosts: Hosts, rotation: Rotation) -> None:
    present = revoked.after[NAME]
    assert set(rotation.versions(NAME)) == {"current"}
    assert repositories(hosts) == {present.id[:8]}
    assert not read_with(hosts, revoked.before[NAME].value)
    assert full(hosts) == 1
    assert not hosts["backup1"].file(FORMER).exists


@pytest.mark.long
def test_the_former_repository_is_kept_until_there_are_enough_backups(hosts: Hosts, rotation: Rotation) -> None:
    former = rotation.versions(NAME)["current"]
    assert read_with(hosts, former.value)
    rotation.finish("backup_passphrase")
    versions = rotation.versions(NAME)
    assert versions["previous"].id == former.id, "nobody could read the backups that are still needed"
    assert repositories(hosts) == {former.id[:8], versions["current"].id[:8]}
    assert full(hosts) == 1
    assert info(hosts, FORMER)["name"] == "main"
    assert read_with(hosts, versions["current"].value)
    assert not read_with(hosts, former.value)
    hosts["backup1"].check_output("runuser -u postgres -- pgbackrest --stanza=main --type=full backup")
    rotation.finish("backup_passphrase")
    assert set(rotation.versions(NAME)) == {"current"}
    assert repositories(hosts) == {versions["current"].id[:8]}
    assert not hosts["backup1"].file(FORMER).exists


@pytest.mark.long
def test_a_run_that_was_cut_off_goes_on_with_the_passphrase_it_brought(hosts: Hosts, rotation: Rotation) -> None:
    rotation.run("backup_passphrase", until=lambda _, task: "Ensure the settings" in task)
    brought = rotation.versions(NAME)["current"]
    rotation.finish("backup_passphrase")
    assert rotation.versions(NAME)["current"].id == brought.id
    assert full(hosts) == 1
