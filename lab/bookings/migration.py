"""Brings the database's schema to the version this release brings along, and back again.

The files are schema/NNNN_<name>.sql (expand: adds, so that the release before goes on working), beside it
NNNN_<name>.down.sql (what undoes it) and NNNN_<name>.contract.sql (takes away what only old releases need).
What undoes a migration is kept in the database from the moment it is applied: the release that is left may be
broken, and the one that is gone back to has never heard of the migration.

Each command is one transaction behind a lock: all or nothing, and of two callers the second finds nothing left to do.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from .compatibility import Applied, Compatibility, judge
from .database import conninfo
from .secret import read_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .settings import Settings

    Connection = psycopg.Connection[tuple[Any, ...]]

FOLDER = Path(__file__).resolve().parent / "schema"
FILE = re.compile(r"(?P<version>\d{4})_[a-z0-9_]+(?:\.(?P<kind>down|contract))?\.sql")
HEADER = re.compile(r"^-- (rollback|needs): *(\S+)$", re.MULTILINE)
LOCK = 7_236_457_281  # any number, the same for all: one migration at a time
TABLE = """
    CREATE SCHEMA IF NOT EXISTS bookings;
    CREATE TABLE IF NOT EXISTS bookings.migrations (
        version integer PRIMARY KEY,
        name text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""
IS_FIRST_FORM = """
    SELECT NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'bookings.migrations'::regclass AND attname = 'needs')
"""
COLUMNS = """
    ALTER TABLE bookings.migrations
        ADD COLUMN IF NOT EXISTS kind text NOT NULL DEFAULT 'expand',
        ADD COLUMN IF NOT EXISTS down text,
        ADD COLUMN IF NOT EXISTS undo boolean NOT NULL DEFAULT false,
        ADD COLUMN IF NOT EXISTS needs integer NOT NULL DEFAULT 0
"""
# Whole rows as JSON, since a database that an earlier release made has fewer columns. The two statements are apart,
# since the second cannot even be parsed before there is a table.
IS_MIGRATED = "SELECT to_regclass('bookings.migrations') IS NOT NULL"
APPLIED = "SELECT to_jsonb(m) - 'down' FROM bookings.migrations m ORDER BY version"
NOTE = """
    INSERT INTO bookings.migrations (version, name, kind, down, undo, needs) VALUES (%s, %s, %s, %s, %s, %s)
"""
DOWN = "SELECT version, name, kind, down, needs FROM bookings.migrations WHERE version > %s ORDER BY version DESC"
FORGET = "DELETE FROM bookings.migrations WHERE version = %s"


class MigrationError(Exception):
    """It cannot be done, and nothing was changed; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema that this release brings. `down` is None if nothing undoes it."""

    version: int
    name: str
    kind: str
    up: bytes
    down: bytes | None
    undo: bool
    needs: int


def migrations(kind: str) -> list[Migration]:
    """Return what this release brings of a kind, expand or contract, in order."""
    found = []
    for path in sorted(FOLDER.glob("*.sql")):
        parts = FILE.fullmatch(path.name)
        if parts and (parts["kind"] or "expand") == kind:
            down = path.with_suffix(".down.sql")
            headers = dict(HEADER.findall(path.read_text(encoding="utf-8")))
            found.append(
                Migration(
                    version=int(parts["version"]),
                    name=path.name,
                    kind=kind,
                    up=path.read_bytes(),
                    down=down.read_bytes() if kind == "expand" and down.exists() else None,
                    undo=headers.get("rollback") == "undo",
                    needs=int(headers.get("needs", 0)),
                )
            )
    return found


def expected() -> dict[int, str]:
    """Return the names of this release's expand migrations by version: what it cannot work without."""
    return {migration.version: migration.name for migration in migrations("expand")}


def schema(settings: Settings) -> Compatibility:
    """Return whether this release and the database's schema go together.

    Raises:
        psycopg.Error: the database cannot be reached.
    """
    with psycopg.connect(sign_in(settings), connect_timeout=5) as connection:
        return judge(applied(connection), expected(), [one.name for one in migrations("expand") if one.undo])


def migrate(settings: Settings) -> list[str]:
    """Apply the expand migrations that are missing, in order; return the names of the files applied.

    Raises:
        MigrationError: the database has another migration under one of their numbers.
        psycopg.Error: the database cannot be reached, or refused a statement; nothing was changed.
    """
    with locked(settings) as connection:
        return apply(connection, migrations("expand"))


def contract(settings: Settings) -> list[str]:
    """Apply the contract migrations that are missing, in order; return the names of the files applied.

    Raises:
        MigrationError: this release does not work with the schema as it is.
        psycopg.Error: the database cannot be reached, or refused a statement; nothing was changed.
    """
    with locked(settings) as connection:
        found = judge(applied(connection), expected())
        if found.state != "works":
            raise MigrationError(
                f"nothing is taken away while the schema is {found.state}: {found.because}\n"
                "HINT: take away only what no running release needs; bring this release in service first"
            )
        return apply(connection, migrations("contract"))


def migrate_down(settings: Settings, to: int | None = None) -> list[str]:
    """Undo what is applied above version `to`, newest first; return the names of the files undone.

    Without `to` it is everything this release does not know. A contract migration which releases of that version
    can live with stays: it needs no undoing.

    Raises:
        MigrationError: one of them cannot be undone.
        psycopg.Error: the database cannot be reached, or refused a statement; nothing was changed.
    """
    floor = max(expected()) if to is None else to
    reverted = []
    with locked(settings) as connection:
        for version, name, kind, down, needs in connection.execute(DOWN, (floor,)).fetchall():
            if kind == "contract" and needs <= floor:
                continue
            if kind == "contract":
                raise MigrationError(
                    f"cannot revert {name}: what it took away cannot be brought back\n"
                    f"HINT: go back to a release that brings schema {needs} or above, or forward to a repaired one"
                )
            if down is None:
                raise MigrationError(
                    f"cannot revert {name}: no {Path(name).stem}.down.sql was stored when it was applied\n"
                    "HINT: go forward to a repaired release, or restore a backup"
                )
            connection.execute(down.encode())
            connection.execute(FORGET, (version,))
            reverted.append(name)
    return reverted


@contextmanager
def locked(settings: Settings) -> Iterator[Connection]:
    """Give a transaction in which nobody else migrates; it is committed at the end if nothing was raised.

    The table gets its columns in a transaction of their own. Every instance reads that table to tell whether it is
    ready, and would hang for as long as a migration takes if the lock of ALTER TABLE were kept that long.
    """
    with psycopg.connect(sign_in(settings), connect_timeout=5, autocommit=True) as connection:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            connection.execute(TABLE)
            if connection.execute(IS_FIRST_FORM).fetchone() == (True,):
                connection.execute(COLUMNS)
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            yield connection


def sign_in(settings: Settings) -> str:
    """Return libpq's connection string with the credentials as they are now."""
    return conninfo(settings, read_credentials(settings.secrets))


def applied(connection: Connection) -> list[Applied]:
    """Return what the database says has been done to it."""
    if connection.execute(IS_MIGRATED).fetchone() != (True,):
        return []
    return [Applied.read(row) for (row,) in connection.execute(APPLIED)]


def apply(connection: Connection, wanted: list[Migration]) -> list[str]:
    """Apply those that are missing, and note them with what undoes them."""
    known = {one.version: one.name for one in applied(connection)}
    done = []
    for one in wanted:
        if one.version not in known:
            connection.execute(one.up)
            down = None if one.down is None else one.down.decode()
            connection.execute(NOTE, (one.version, one.name, one.kind, down, one.undo, one.needs))
            done.append(one.name)
        elif known[one.version] != one.name:
            raise MigrationError(
                f"migration {one.version} of the database is {known[one.version]}, and of this release {one.name}\n"
                "HINT: two releases used the same number; give this release's the next free one"
            )
    return done
