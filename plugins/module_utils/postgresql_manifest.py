"""What a backup must bring back, counted at one exact position of the WAL.

On a standby, replay is held for some milliseconds while one transaction in each database takes its snapshot. The rows
are then counted at leisure in these snapshots, and the position at which replay was held is where a recovery must stop
to have exactly these rows. Nobody who writes waits for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

try:
    import psycopg2
    from psycopg2 import sql
except ImportError as error:  # reported by the modules, which know how to fail
    IMPORT_ERROR: ImportError | None = error
else:
    IMPORT_ERROR = None

# How rows of a table are counted, by its schema and name.
Counter = Callable[[Any, str, str], Any]

HOLD_LIMIT_S = 5.0

TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'
ORDER BY 1, 2
"""
ROLES = r"""
SELECT rolname, concat_ws(' ', CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolcanlogin THEN 'login' END,
    CASE WHEN rolreplication THEN 'replication' END, CASE WHEN rolcreatedb THEN 'createdb' END,
    CASE WHEN rolcreaterole THEN 'createrole' END, (SELECT string_agg('in ' || g.rolname, ' ' ORDER BY g.rolname)
        FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid)) AS may
FROM pg_roles r WHERE rolname NOT LIKE 'pg\_%'
"""
HEAD = """
SELECT pg_is_in_recovery() AS standby, (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
    extract(epoch FROM clock_timestamp())::float8 AS taken_at
"""


class Server:
    """A server on this host, by its port, asked as the user it runs as."""

    def __init__(self, port: int) -> None:
        self.port = port

    def open(self, database: str = "postgres", *, keep_snapshot: bool = False) -> Any:  # noqa: ANN401  # psycopg2's own
        """A connection to one database; with one snapshot for all its questions, if asked."""
        connection = psycopg2.connect(dbname=database, user="postgres", port=self.port, connect_timeout=5)
        if keep_snapshot:
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        else:
            connection.autocommit = True
        return connection


def ask(connection: Any, question: Any, arguments: tuple[Any, ...] = ()) -> list[dict[str, Any]]:  # noqa: ANN401
    """The rows of an answer, each by the names of its columns."""
    with connection.cursor() as cursor:
        cursor.execute(question, arguments or None)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def take(server: Server, databases: list[str], rules: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts the rows of the databases and everything else that a restored cluster is compared with."""
    head = server.open()
    facts = ask(head, HEAD)[0]
    lsn, snapshots = (hold if facts["standby"] else read_now)(server, head, databases)
    manifest = {
        **facts,
        "lsn": lsn,
        "exact": facts["standby"],
        "roles": {row["rolname"]: row["may"] for row in ask(head, ROLES)},
        "databases": {name: contents(opened) for name, opened in snapshots.items()},
        "rules": {
            rule["name"]: ask_rule(snapshots[rule["database"]], rule["query"])
            for rule in rules
            if rule["database"] in snapshots
        },
    }
    for opened in [head, *snapshots.values()]:
        opened.close()
    return manifest


def hold(server: Server, head: Any, databases: list[str]) -> tuple[str, dict[str, Any]]:  # noqa: ANN401
    """Holds the replay of a standby, and returns the position and a snapshot of each database taken there.

    Raises:
        TimeoutError: Replay could not be held.
    """
    opened = {name: server.open(name, keep_snapshot=True) for name in databases}
    ask(head, "SELECT pg_wal_replay_pause()")
    try:
        deadline = time.monotonic() + HOLD_LIMIT_S
        while ask(head, "SELECT pg_get_wal_replay_pause_state() AS state")[0]["state"] != "paused":
            if time.monotonic() > deadline:
                raise TimeoutError(f"replay could not be held within {HOLD_LIMIT_S:.0f} s")
            time.sleep(0.005)
        lsn = ask(head, "SELECT pg_last_wal_replay_lsn()::text AS lsn")[0]["lsn"]
        for connection in opened.values():
            ask(connection, "SELECT 1")
    finally:
        ask(head, "SELECT pg_wal_replay_resume()")
    return lsn, opened


def read_now(server: Server, head: Any, databases: list[str]) -> tuple[str, dict[str, Any]]:  # noqa: ANN401
    """Snapshots of a primary and a position that is not before them. Writes go on, so it is not exact."""
    opened = {name: server.open(name, keep_snapshot=True) for name in databases}
    for connection in opened.values():
        ask(connection, "SELECT 1")
    return ask(head, "SELECT pg_current_wal_insert_lsn()::text AS lsn")[0]["lsn"], opened


def contents(connection: Any, counter: Counter | None = None) -> dict[str, Any]:  # noqa: ANN401
    """Rows of each table, extensions, and the version of the collation."""
    return {
        "tables": {
            f"{row['nspname']}.{row['relname']}": (counter or count)(connection, row["nspname"], row["relname"])
            for row in ask(connection, TABLES)
        },
        "extensions": {
            row["extname"]: row["extversion"] for row in ask(connection, "SELECT extname, extversion FROM pg_extension")
        },
        "collation": collation(connection),
    }


def count(connection: Any, schema: str, table: str) -> int:  # noqa: ANN401
    """How many rows the table has."""
    question = sql.SQL("SELECT count(*) AS rows FROM {}").format(sql.Identifier(schema, table))
    return int(ask(connection, question)[0]["rows"])


def collation(connection: Any) -> dict[str, str | None]:  # noqa: ANN401
    """The collation of the database: its name, the version it was made with, and the version that this host has."""
    return ask(
        connection,
        "SELECT datcollate AS name, datcollversion AS recorded, pg_database_collation_actual_version(oid) AS actual "
        "FROM pg_database WHERE datname = current_database()",
    )[0]


def ask_rule(connection: Any, query: str) -> int:  # noqa: ANN401
    """How often a business rule is broken."""
    return int(next(iter(ask(connection, query)[0].values())))
