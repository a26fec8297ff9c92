"""A database of generated rows on the primary, grown step by step, and the calm that measuring needs."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from drills.site import Host, Site

NAME = "bench"
# Several tables of one size: pgBackRest gives a file to one process, so a single table would leave the others idle.
TABLES = 4
BATCH_ROWS = 60_000
PSQL = "/usr/lib/postgresql/15/bin/psql"
# Standbys have no slots, and the primary keeps 512 MB of WAL for them.
LAG_BYTES = 128 * 1024**2
CALM_SECONDS = 600.0
COMMAND_SECONDS = 300.0

# What a row of such a service holds: a key, a reference and a token that hardly compress, names and states that do, and
# a sentence. Rows are never changed, so a vacuum would only write the same pages, and their WAL, once more.
TABLE = """
CREATE TABLE rows_{number} (
    id bigint PRIMARY KEY, reference text NOT NULL, customer text NOT NULL, event text NOT NULL, seat integer NOT NULL,
    state text NOT NULL, amount numeric(10, 2) NOT NULL, created timestamptz NOT NULL, note text NOT NULL
) WITH (autovacuum_enabled = false);
CREATE INDEX ON rows_{number} (created);
"""
BATCH = """
INSERT INTO rows_{number}
SELECT n, md5(n::text || '{number}'), 'customer-' || hashint8(n) % 100000 || '@example.com', 'concert-' || n / 5000,
    n % 5000, (ARRAY['paid', 'paid', 'paid', 'held', 'expired'])[1 + n % 5], (hashint8(n + 1) % 20000) / 100.0,
    '2026-01-01 00:00+00'::timestamptz + n * interval '1.7 s',
    'Seat ' || n % 5000 || ' of concert ' || n / 5000 || ', paid by card, to be sent by mail. Token '
        || md5('{number}' || (n * 7)::text)
FROM generate_series({first}, {last}) AS n
"""
STANDBYS = """
SELECT count(*) || ' ' || COALESCE(max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0)::bigint
FROM pg_stat_replication WHERE state = 'streaming'
"""
UNARCHIVED = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"


class DatabaseError(Exception):
    """The cluster cannot be measured, or did not do what was asked; the text says why."""


class GeneratedDatabase:
    """The database `bench` on whoever leads."""

    def __init__(self, site: Site) -> None:
        """Find the primary.

        Raises:
            DatabaseError: Not exactly one host leads, or not every other one streams from it.
        """
        self._members = site.group("database")
        leading = [host for host in self._members if sql(host, "SELECT pg_is_in_recovery()") == "f"]
        if len(leading) != 1:
            raise DatabaseError(f"{len(leading)} hosts lead, and exactly one must")
        self._primary = leading[0]
        self._batches = 0
        streaming, _ = self._standbys()
        if streaming != len(self._members) - 1:
            raise DatabaseError(f"{streaming} of {len(self._members) - 1} standbys stream from {self._primary}")

    def create(self) -> None:
        """Create it, empty; one that an earlier bench left behind is dropped first."""
        self.drop()
        sql(self._primary, f"CREATE DATABASE {NAME}")
        for number in range(TABLES):
            sql(self._primary, TABLE.format(number=number), NAME)

    def grow(self, size: float, check: Callable[[], None]) -> int:
        """Add rows until it has so many bytes; returns how many it has. `check` is called between two batches."""
        while (bytes_now := int(sql(self._primary, f"SELECT pg_database_size('{NAME}')"))) < size:
            check()
            turn, number = divmod(self._batches, TABLES)
            first = turn * BATCH_ROWS + 1
            sql(self._primary, BATCH.format(number=number, first=first, last=first + BATCH_ROWS - 1), NAME)
            self._batches += 1
            self._await("standbys that replay what was written", self._is_followed)
        return bytes_now

    def settle(self) -> None:
        """Wait until nothing is left to do because of what was written: neither archiving nor writing of pages."""
        sql(self._primary, "SELECT pg_switch_wal()")
        self._await("the archiver", lambda: sql(self._primary, UNARCHIVED) == "0")
        self._await("standbys that replay what was written", self._is_followed)
        for member in self._members:
            sql(member, "CHECKPOINT")

    def drop(self) -> None:
        """Remove it, whoever uses it."""
        sql(self._primary, f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")

    def _standbys(self) -> tuple[int, int]:
        """How many stream, and how many bytes of WAL the slowest has still to replay."""
        streaming, behind = sql(self._primary, STANDBYS).split()
        return int(streaming), int(behind)

    def _is_followed(self) -> bool:
        streaming, behind = self._standbys()
        return streaming == len(self._members) - 1 and behind < LAG_BYTES

    def _await(self, what: str, question: Callable[[], bool]) -> None:
        ends = time.monotonic() + CALM_SECONDS
        while not question():
            if time.monotonic() > ends:
                raise DatabaseError(f"waited {CALM_SECONDS:.0f} s in vain for {what}")
            time.sleep(0.5)


def sql(host: Host, statements: str, database: str = "postgres") -> str:
    """What PostgreSQL on this host answers.

    Raises:
        DatabaseError: It refused.
    """
    words = [PSQL, "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statements]
    answer = host.ssh.run(f"sudo -u postgres {shlex.join(words)}", timeout=COMMAND_SECONDS)
    if answer.exit_code:
        raise DatabaseError(f"{host.name}: {answer.err.strip()}")
    return answer.out.strip()
