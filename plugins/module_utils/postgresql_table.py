"""What a table is made of, as far as it matters to a row that is to come back into it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.postgresql_manifest import ask

with contextlib.suppress(ImportError):  # reported by the modules, which know how to fail
    from psycopg2 import sql

FOUND = """
SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass(%s) AND c.relkind IN ('r', 'p')
"""
COLUMNS = """
SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attgenerated <> '' AS generated
FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
KEY = """
SELECT a.attname AS name FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = %s AND i.indisprimary ORDER BY k.place
"""
# Columns and expressions of each unique index, the rows that it holds for, and whether two NULLs are the same to it.
UNIQUES = """
SELECT c.relname AS name, pg_get_expr(i.indpred, i.indrelid) AS predicate,
    COALESCE((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) AS nulls_equal,
    ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnkeyatts) AS n) AS terms
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %s AND i.indisunique AND NOT i.indisprimary ORDER BY 1
"""
SEQUENCES = """
SELECT n.nspname AS schema, s.relname AS name, a.attname AS column
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_sequence q ON q.seqrelid = s.oid JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.refobjid = %s AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
    AND d.deptype IN ('a', 'i') AND q.seqincrement > 0 ORDER BY 1, 2
"""
# Those of the user that fire when a row is inserted.
TRIGGERS = """
SELECT tgname AS name FROM pg_trigger
WHERE tgrelid = %s AND NOT tgisinternal AND tgenabled IN ('O', 'A') AND tgtype & 4 = 4 ORDER BY 1
"""


class RefusedError(Exception):
    """It cannot be done as asked. The text says why; nothing was changed."""


@dataclass(frozen=True)
class Table:
    """One table. `columns` are those that are written, with their types: a generated one makes itself."""

    name: str
    place: Any
    columns: dict[str, str]
    key: list[str]
    uniques: list[dict[str, Any]]
    sequences: list[dict[str, Any]]
    triggers: list[str]


def look_at(connection: Any, name: str) -> Table:  # noqa: ANN401  # psycopg2's own
    """The table of this name, such as schema.table.

    Raises:
        RefusedError: There is none, or it has no primary key.
    """
    found = ask(connection, FOUND, (name,))
    if not found:
        raise RefusedError(f"there is no table {name}")
    oid = (found[0]["oid"],)
    key = [row["name"] for row in ask(connection, KEY, oid)]
    if not key:
        raise RefusedError(f"{name} has no primary key, so nobody can tell which of its rows are missing")
    return Table(
        name=name,
        place=sql.Identifier(found[0]["schema"], found[0]["name"]),
        columns={row["name"]: row["type"] for row in ask(connection, COLUMNS, oid) if not row["generated"]},
        key=key,
        uniques=ask(connection, UNIQUES, oid),
        sequences=ask(connection, SEQUENCES, oid),
        triggers=[row["name"] for row in ask(connection, TRIGGERS, oid)],
    )


def same_shape(then: Table, now: Table) -> None:
    """Looks whether rows of the restored table fit into the live one. A column that is new since then gets its default.

    Raises:
        RefusedError: They do not.
    """
    if then.key != now.key:
        raise RefusedError(f"the primary key of {now.name} was ({', '.join(then.key)}) and is ({', '.join(now.key)})")
    other = [f"{name} {kind}" for name, kind in then.columns.items() if now.columns.get(name) != kind]
    if other:
        raise RefusedError(f"columns of {now.name} are gone or of another type since: {', '.join(other)}")
