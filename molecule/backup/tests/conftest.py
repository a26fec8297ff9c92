"""Asks the servers of the scenario, and restores and verifies as on-call does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Hosts


@dataclass(frozen=True)
class Backups:
    """The backups of the scenario, and clusters restored from them."""

    hosts: Hosts

    def ask(self, host: str, question: str, port: int = 5432, database: str = "bookings") -> str:
        """What a server answers."""
        command = f'timeout 20 runuser -u postgres -- psql -XAtq -p {port} -d {database} -c "{question}"'
        return str(self.hosts[host].check_output(command))

    def leader(self) -> str:
        """The database host that leads."""
        question = "timeout 5 runuser -u postgres -- psql -XAtqc 'SELECT pg_is_in_recovery()'"
        return next(host for host in ("db1", "db2") if self.hosts[host].run(question).stdout.strip() == "f")

    def newest_set(self) -> str:
        """The label of the newest backup in the first repository."""
        command = "runuser -u postgres -- pgbackrest --repo=1 --stanza=main --output=json info"
        return str(json.loads(self.hosts["backup1"].check_output(command))[0]["backup"][-1]["label"])

    def back_up(self, kind: str = "incr") -> None:
        self.hosts.play("playbooks/backup.yml", backup_type=kind)

    def restore(self, host: str = "backup1", **asked: object) -> None:
        self.hosts.play("playbooks/backup_restore.yml", **self.asked(host, asked))

    def restore_refused(self, host: str = "backup1", **asked: object) -> str:
        return self.hosts.refusal("playbooks/backup_restore.yml", **self.asked(host, asked))

    def verify(self, host: str = "backup1", **asked: object) -> None:
        self.hosts.play("playbooks/backup_verify.yml", backup_restore_host=self.hosts.names[host], **asked)

    def verify_refused(self, host: str = "backup1", **asked: object) -> str:
        return self.hosts.refusal("playbooks/backup_verify.yml", backup_restore_host=self.hosts.names[host], **asked)

    def drop(self, host: str = "backup1") -> None:
        self.hosts.follow("drop_restored", host)

    def asked(self, host: str, asked: dict[str, object]) -> dict[str, object]:
        named = {f"backup_restore_{name}": value for name, value in asked.items()}
        addresses = self.addresses() if asked.get("cluster") == "main" else {}
        return {"backup_restore_host": self.hosts.names[host], **named, **addresses}

    def addresses(self) -> dict[str, object]:
        """What converge.yml found out by itself, and who restores in place needs as well."""
        found = {
            name: self.hosts[host].check_output("hostname -I").split()[0] for host, name in self.hosts.names.items()
        }
        return {"member_addresses": found}


@pytest.fixture(scope="session")
def backups(hosts: Hosts) -> Backups:
    """A database of a thousand bookings, and a full backup of it in both repositories."""
    found = Backups(hosts)
    leader = found.leader()
    tables = (
        "CREATE TABLE IF NOT EXISTS bookings (id bigserial PRIMARY KEY, seat int UNIQUE, customer text);"
        "CREATE TABLE IF NOT EXISTS prices (event text PRIMARY KEY, price numeric);"
        "CREATE EXTENSION IF NOT EXISTS pgcrypto;"
    )
    found.ask(leader, tables)
    rows = "SELECT seat, 'customer ' || seat FROM generate_series(1, 1000) AS seat ON CONFLICT DO NOTHING"
    found.ask(leader, "INSERT INTO bookings (seat, customer) " + rows)
    found.ask(leader, "INSERT INTO prices VALUES ('opening', 12.50) ON CONFLICT DO NOTHING")
    found.back_up("full")
    return found


@pytest.fixture(scope="module")
def restored(backups: Backups) -> Iterator[Backups]:
    """A cluster beside the live ones on the backup host, restored to the moment at which rows were counted."""
    backups.restore(type="manifest")
    yield backups
    backups.drop()


@pytest.fixture
def beside(backups: Backups) -> Iterator[Backups]:
    """Whatever the test restores is removed after it."""
    yield backups
    for host in ("backup1", "db2"):
        backups.drop(host)
