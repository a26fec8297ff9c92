"""Brings the database's schema to the version this release brings along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from .database import conninfo

if TYPE_CHECKING:
    from .settings import Settings

FOLDER = Path(__file__).resolve().parent / "schema"
LOCK = 7_236_457_281  # any number, the same for all: one migration at a time
TABLE = """
    CREATE SCHEMA IF NOT EXISTS bookings;
    CREATE TABLE IF NOT EXISTS bookings.migrations (
        version integer PRIMARY KEY,
        name text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


def migrate(settings: Settings) -> list[str]:
    """Apply what is missing, in order, all or nothing; return the names of the files applied.

    The files are schema/<version>_<name>.sql. One transaction holds them all, behind a lock: of two callers the
    second finds nothing left to do.

    Raises:
        psycopg.Error: the database cannot be reached, or refused a statement; nothing was changed.
    """
    applied = []
    with psycopg.connect(conninfo(settings), connect_timeout=5) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        connection.execute(TABLE)
        known = {version for (version,) in connection.execute("SELECT version FROM bookings.migrations")}
        for path in sorted(FOLDER.glob("*.sql")):
            version = int(path.name.partition("_")[0])
            if version in known:
                continue
            connection.execute(path.read_bytes())
            connection.execute("INSERT INTO bookings.migrations (version, name) VALUES (%s, %s)", (version, path.name))
            applied.append(path.name)
    return applied
