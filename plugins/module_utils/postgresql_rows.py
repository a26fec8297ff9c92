"""Brings rows that a live database has lost back from a restored cluster beside it.

The restored cluster does the work: it gets the primary keys of the live tables and finds out what is missing. The live
database gives its keys and takes the missing rows, nothing else. Rows pass through a pipe and are never held here.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from ansible.module_utils.postgresql_manifest import ask
from ansible.module_utils.postgresql_table import RefusedError, Table, look_at, same_shape

with contextlib.suppress(ImportError):  # reported by the module, which knows how to fail
    import psycopg2
    from psycopg2 import sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Text goes from one server to the other, so both must write and read it in the same way. A customer who is just taking
# the place of a row is waited for, and not for long.
SESSION = (
    "-c client_encoding=UTF8 -c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c timezone=UTC "
    "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c lock_timeout=10s"
)
LISTED = 100
# What a copy has in common with its original, and what no two servers have. Everybody may ask.
IDENTITY = """
SELECT system_identifier::text AS cluster, pg_postmaster_start_time()::text AS started FROM pg_control_system()
"""


class UncertainError(Exception):
    """Everything was done, and nobody knows whether it was kept."""


class OtherServerError(Exception):
    """Another server answers than the one that was meant; nothing was changed. `hint` says what to do."""

    def __init__(self, because: str, hint: str) -> None:
        super().__init__(because)
        self.hint = hint


def connect(**where: Any) -> Any:  # noqa: ANN401  # psycopg2's own
    """A connection with a transaction of its own."""
    return psycopg2.connect(application_name="rows_restore", connect_timeout=5, options=SESSION, **where)


def same_origin(restored: Any, live: Any, data: str, port: int) -> None:  # noqa: ANN401  # psycopg2's own
    """Looks whether the server on the port has this data, and is a copy of the live one.

    Raises:
        OtherServerError: It has other data, is of another cluster, or is the live one itself, which misses nothing.
    """
    found = ask(restored, "SHOW data_directory")[0]["data_directory"]
    if os.path.realpath(found) != os.path.realpath(data):
        because = f"the server on port {port} has the data {found} and not {data}"
        raise OtherServerError(because, "name the cluster with backup_restore_cluster, and its port")
    copy, original = ask(restored, IDENTITY)[0], ask(live, IDENTITY)[0]
    if copy["cluster"] != original["cluster"]:
        because = f"the server on port {port} is of the cluster {copy['cluster']} and not {original['cluster']}"
        raise OtherServerError(because, "restore a backup of the live cluster")
    if copy["started"] == original["started"]:
        raise OtherServerError(f"the server on port {port} is the live one itself", "restore a cluster beside it")


class Lost:
    """The rows of one table that the restored cluster has and the live database has not.

    `number` tells the temporary tables of several tables apart.
    """

    def __init__(self, restored: Any, live: Any, name: str, condition: str, number: int) -> None:  # noqa: ANN401  # psycopg2's own
        then, self.table = look_at(restored, name), look_at(live, name)
        same_shape(then, self.table)
        self._restored, self._live = restored, live
        self._columns = list(then.columns)
        self._keys, self._missing, self._wanted = (
            sql.Identifier("pg_temp", f"rows_{what}_{number}") for what in ("live", "missing", "wanted")
        )
        self._bounds = sql.SQL(condition or "true")
        self.seen = {"table": name, **self._find(then), "triggers": self.table.triggers}

    def _find(self, then: Table) -> dict[str, int]:
        """Finds out what is missing, and lays it beside the live table."""
        key, columns = names(self.table.key), names(self._columns)
        run(self._restored, "CREATE TEMP TABLE {} AS SELECT {} FROM {} WITH NO DATA", self._keys, key, then.place)
        stream(self._live, text("SELECT {} FROM {}", key, self.table.place), self._restored, self._keys)
        run(self._restored, "ANALYZE {}", self._keys)
        within = text("(SELECT * FROM {} WHERE ({})) AS r", then.place, self._bounds)
        absent = text("NOT EXISTS (SELECT FROM {} AS k WHERE {})", self._keys, equal("k", "r", self.table.key))
        question = text("SELECT {} FROM {} WHERE {}", columns, within, absent)
        run(self._restored, "CREATE TEMP TABLE {} AS {}", self._missing, question)
        like = "CREATE TEMP TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED) ON COMMIT DROP"
        run(self._live, like, self._wanted, self.table.place)
        wanted = text("{} ({})", self._wanted, columns)
        stream(self._restored, text("SELECT {} FROM {}", columns, self._missing), self._live, wanted)
        run(self._live, "ANALYZE {}", self._wanted)
        return {
            "restored": count(self._restored, within),
            "live": count(self._restored, self._keys),
            "missing": count(self._restored, self._missing),
        }

    def bring_back(self) -> int:
        """Inserts what is missing. A row that is there, and one whose place is taken, is left as it is.

        Returns:
            How many came back.

        Raises:
            RefusedError: A row is not what it was: a trigger has changed it, or somebody else wrote it meanwhile.
        """
        columns = names(self._columns)
        brought = run(
            self._live,
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} ON CONFLICT DO NOTHING",
            self.table.place,
            columns,
            columns,
            self._wanted,
        )
        other = text(
            "(SELECT FROM {} AS w JOIN {} AS l ON {} WHERE ROW({})::text IS DISTINCT FROM ROW({})::text) AS other",
            self._wanted,
            self.table.place,
            equal("w", "l", self.table.key),
            names(self._columns, "w"),
            names(self._columns, "l"),
        )
        if changed := count(self._live, other):
            by = f"; its triggers are {', '.join(self.table.triggers)}" if self.table.triggers else ""
            raise RefusedError(f"{changed} rows of {self.table.name} would not be what they were{by}")
        for sequence in self.table.sequences:
            self._advance(sequence)
        return brought

    def _advance(self, sequence: Mapping[str, str]) -> None:
        """Moves a sequence past the rows that came back. One that is ahead already stays where it is."""
        place, column = sql.Identifier(sequence["schema"], sequence["name"]), sql.Identifier(sequence["column"])
        run(
            self._live,
            "SELECT setval({}, most) FROM {} AS s CROSS JOIN (SELECT max({}) AS most FROM {}) AS w "
            "WHERE most > s.last_value OR (most = s.last_value AND NOT s.is_called)",
            sql.Literal(place.as_string(self._live)),
            place,
            column,
            self._wanted,
        )

    def left(self) -> tuple[int, list[dict[str, str]]]:
        """How many of the missing rows cannot come back, because their place is taken; the first hundred with why.

        Asked after they were brought back, it is those that did not come, for whatever reason.
        """
        taken = [self._taken(unique) for unique in self.table.uniques]
        if not taken:
            return 0, []
        rows = text(
            "(SELECT key, string_agg(because, '; ') AS because FROM ({}) AS each GROUP BY key) AS taken",
            sql.SQL(" UNION ALL ").join(taken),
        )
        listed = ask(self._live, text("SELECT * FROM {} ORDER BY key LIMIT {}", rows, sql.Literal(LISTED)))
        return count(self._live, rows), [{"table": self.table.name, **row} for row in listed]

    def still_missing(self) -> int:
        """How many of the missing rows are not in the live table at this moment."""
        return count(self._live, text("(SELECT FROM {} AS w WHERE {}) AS gone", self._wanted, self._not_there()))

    def _not_there(self) -> Any:  # noqa: ANN401  # psycopg2's own
        return text("NOT EXISTS (SELECT FROM {} AS t WHERE {})", self.table.place, equal("t", "w", self.table.key))

    def _taken(self, unique: Mapping[str, Any]) -> Any:  # noqa: ANN401  # psycopg2's own
        """The missing rows whose place in a unique index another row has, each with which."""
        terms = [text("({}) AS t{}", sql.SQL(term), sql.SQL(str(n))) for n, term in enumerate(unique["terms"])]
        shown = text("concat_ws(', ', {}) AS shown", names(self.table.key))
        columns = sql.SQL(", ").join([names(self.table.key), shown, *terms])
        holds = sql.SQL(unique["predicate"] or "true")
        same = sql.SQL(" IS NOT DISTINCT FROM " if unique["nulls_equal"] else " = ")
        met = [text("w.t{0}{1}l.t{0}", sql.SQL(str(n)), same) for n in range(len(terms))]
        because = f"{unique['name']} ({', '.join(unique['terms'])}) is taken by "
        return text(
            "SELECT w.shown AS key, {} || l.shown AS because FROM (SELECT {} FROM {} WHERE {}) AS w "
            "JOIN (SELECT {} FROM {} WHERE {}) AS l ON {} WHERE {}",
            sql.Literal(because),
            columns,
            self._wanted,
            holds,
            columns,
            self.table.place,
            holds,
            sql.SQL(" AND ").join(met),
            self._not_there(),
        )


def plan(lost: Sequence[Lost]) -> dict[str, Any]:
    """What is missing in each table, and what of it cannot come back."""
    told = []
    for one in lost:
        taken, conflicts = one.left()
        told.append({**one.seen, "taken": taken, "conflicts": conflicts, "brought_back": 0})
    return summed(told)


def bring_back(lost: Sequence[Lost], *, accept_conflicts: bool) -> dict[str, Any]:
    """Brings back what is missing in each table, in this order.

    Raises:
        RefusedError: A place is taken and nobody accepted that, or a row does not come back for another reason.
    """
    told = []
    for one in lost:
        brought, missing = one.bring_back(), one.still_missing()
        taken, conflicts = one.left()
        if missing > taken or (missing and not accept_conflicts):
            why = said(conflicts) or "a trigger or an exclusion constraint keeps them out"
            raise RefusedError(f"{missing} rows of {one.table.name} cannot come back: {why}")
        told.append({**one.seen, "taken": taken, "conflicts": conflicts, "brought_back": brought})
    return summed(told)


def commit(live: Any) -> None:  # noqa: ANN401  # psycopg2's own
    """Keeps what was done.

    Raises:
        UncertainError: The answer did not come.
    """
    try:
        live.commit()
    except psycopg2.OperationalError as error:
        raise UncertainError(f"the rows may be back or not: {' '.join(str(error).split())}") from error


def summed(told: list[dict[str, Any]]) -> dict[str, Any]:
    """What was found in each table and in all of them, for a program and in words."""
    tables = [{name: value for name, value in one.items() if name != "conflicts"} for one in told]
    total = {name: sum(one[name] for one in told) for name in ("missing", "taken", "brought_back")}
    conflicts = [row for one in told for row in one["conflicts"]]
    words = [in_words(one) for one in tables] + [said([row]) for row in conflicts]
    if not total["missing"]:
        words = ["already done: nothing is missing"]
    return {"tables": tables, **total, "conflicts": conflicts, "said": said(conflicts), "told": words}


def in_words(one: Mapping[str, Any]) -> str:
    """What was found in one table."""
    fires = f"; these triggers fire: {', '.join(one['triggers'])}" if one["triggers"] else ""
    return (
        f"{one['table']}: {one['restored']} rows in the restored cluster, {one['live']} live, "
        f"{one['missing']} missing, {one['taken']} of these cannot come back{fires}"
    )


def said(conflicts: Sequence[Mapping[str, str]]) -> str:
    """The first few conflicts in words."""
    return "; ".join(f"{row['table']} {row['key']}: {row['because']}" for row in conflicts[:5])


def stream(giver: Any, question: Any, taker: Any, table: Any) -> None:  # noqa: ANN401  # psycopg2's own
    """Copies the rows of a question from one server into a table of another, through a pipe."""
    reading, writing = os.pipe()
    failed: list[Exception] = []

    def give() -> None:
        try:
            with os.fdopen(writing, "wb") as sink, giver.cursor() as cursor:
                cursor.copy_expert(text("COPY ({}) TO STDOUT", question).as_string(giver), sink)
        except (psycopg2.Error, OSError) as error:
            failed.append(error)

    thread = threading.Thread(target=give)
    thread.start()
    try:
        with os.fdopen(reading, "rb") as spring, taker.cursor() as cursor:
            cursor.copy_expert(text("COPY {} FROM STDIN", table).as_string(taker), spring)
    finally:
        thread.join()
    if failed:
        raise failed[0]


def text(template: str, *parts: Any) -> Any:  # noqa: ANN401  # psycopg2's own
    """SQL with its parts filled in."""
    return sql.SQL(template).format(*parts)


def names(columns: Sequence[str], of: str | None = None) -> Any:  # noqa: ANN401  # psycopg2's own
    """The columns, as they stand in a list."""
    return sql.SQL(", ").join(sql.Identifier(of, name) if of else sql.Identifier(name) for name in columns)


def equal(one: str, other: str, columns: Sequence[str]) -> Any:  # noqa: ANN401  # psycopg2's own
    """That two rows have the same values in these columns."""
    pairs = [text("{} = {}", sql.Identifier(one, name), sql.Identifier(other, name)) for name in columns]
    return sql.SQL(" AND ").join(pairs)


def run(connection: Any, template: str, *parts: Any) -> int:  # noqa: ANN401  # psycopg2's own
    """Does it; returns how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(text(template, *parts))
        return int(cursor.rowcount)


def count(connection: Any, of: Any) -> int:  # noqa: ANN401  # psycopg2's own
    """How many rows it has."""
    return int(ask(connection, text("SELECT count(*) AS rows FROM {}", of))[0]["rows"])
