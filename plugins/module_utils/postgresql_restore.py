"""Checks of a restored cluster. Each returns what it found; a check that could not look says unknown and never met."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

from ansible.module_utils.pgbackrest import SEGMENT_BYTES, position, split
from ansible.module_utils.pgbackrest_plan import moment
from ansible.module_utils.postgresql_manifest import ROLES, Server, ask, ask_rule, contents, count

with contextlib.suppress(ImportError):  # reported by the module, which knows how to fail
    import psycopg2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEQUENCES = """
SELECT format('%I.%I', n.nspname, s.relname) AS sequence, t.relname AS table_name, a.attname AS column_name,
    (SELECT n2.nspname FROM pg_namespace n2 WHERE n2.oid = t.relnamespace) AS schema_name
FROM pg_class s JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
    AND d.deptype IN ('a', 'i')
JOIN pg_class t ON t.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' ORDER BY 1
"""
# How the history of a timeline says why recovery stopped there.
REASONS = {
    "latest": "no recovery target",
    "name": "at restore point",
    "lsn": "LSN",
    "time": r"(before|after) \d+-",
    "xid": "transaction",
}
REMOVED = 3  # lines of a tool's answer that are quoted
# The clocks of two hosts, and the moment for which replay is held while rows are counted, differ by less.
CLOCKS_S = 60
# Pages of WAL, and the headers with which a page and the first page of a segment begin.
PAGE_BYTES = 8192
HEADERS = (24, 40)
# What recovery was told, where a copy of the cluster takes it along.
TOLD = """
SELECT DISTINCT name FROM pg_file_settings
WHERE sourcefile LIKE '%auto.conf' AND (name LIKE 'recovery_target%' OR name = 'restore_command') ORDER BY 1
"""
# A template has no rows of anybody, and `postgres` is there to sign in.
DATABASES = """
SELECT datname FROM pg_database
WHERE datallowconn AND datname NOT IN ('template0', 'template1', 'postgres') ORDER BY 1
"""


def check(name: str, outcome: str, because: str) -> dict[str, str]:
    """One check: met, missed or unknown, or not checked at all."""
    return {"check": name, "outcome": outcome, "because": because}


def judged(name: str, wrong: list[str], because: str) -> dict[str, str]:
    """Met if nothing is wrong, and otherwise missed, with the first things that are."""
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""  # noqa: PLR2004  # as many as one can read
    return check(name, "missed" if wrong else "met", "; ".join(wrong[:5]) + more if wrong else because)


def asked_cluster(found: str, data: str, port: int) -> dict[str, str]:
    """Whether the server that answers is the one whose data is asked about: a port belongs to nobody for ever."""
    wrong = f"the server on port {port} has the data {found} and not {data}, so nothing else was asked"
    other = os.path.realpath(found) != os.path.realpath(data)
    return judged("it is the asked cluster", [wrong] * other, f"the server on port {port} has the data {data}")


def answers(facts: dict[str, Any]) -> dict[str, str]:
    """Whether it is a server that has left recovery."""
    still = "it is still in recovery, so its target was not reached" if facts["standby"] else ""
    return judged("it accepts writes", [still] * bool(still), f"it runs on timeline {facts['timeline']}")


def target_reached(
    data: str, stop: dict[str, Any], facts: dict[str, Any], manifest: dict[str, Any], wal: dict[str, Any]
) -> dict[str, str]:
    """Whether recovery stopped where it was asked to, by the history that the server wrote when it did.

    `wal` are the `first` and the `last` segment that the restore's plan found in the repository; empty if nobody knows.
    """
    name = "recovery reached its target"
    histories = sorted(glob.glob(f"{data}/pg_wal/*.history"))
    if not histories or not stop:
        return check(
            name, "unknown", "no history of timelines was written" if stop else "nobody said where it should stop"
        )
    with open(histories[-1]) as file:
        line, lsn, reason = file.read().strip().splitlines()[-1].split(None, 2)
    wrong = [*other_reason(stop, reason), *too_early(stop, lsn, manifest)]
    if wal.get("last"):
        wrong += [*not_replayed(stop, lsn, wal), *other_timeline(stop, int(line), wal)]
    return judged(name, wrong, f"it stopped at {lsn}, {reason}; timeline {facts['timeline']}")


def other_reason(stop: dict[str, Any], reason: str) -> Iterator[str]:
    """That recovery stopped for another reason than it was asked to."""
    kind, target = stop["type"], stop.get("target", "")
    if not re.search(REASONS[kind], reason):
        yield f"it stopped for another reason: {reason}"
        return
    other = kind == "name" and f'"{target}"' not in reason
    # The reason has the time of the first transaction that was left out, which is that of the target or later.
    other |= kind == "time" and moment(reason.split(None, 1)[1]) < moment(target)
    if other:
        yield f"it stopped {reason}, and {target} was asked for"


def too_early(stop: dict[str, Any], lsn: str, manifest: dict[str, Any]) -> Iterator[str]:
    """That recovery stopped before the position at which rows were counted, and was asked to go on for longer."""
    if not manifest or stop["type"] not in ("latest", "time"):
        return
    beyond = stop["type"] == "latest" or moment(stop["target"]) > manifest["taken_at"] + CLOCKS_S
    if beyond and position(lsn) < end_of_record(manifest["lsn"]):
        yield f"it stopped at {lsn}, before the position {manifest['lsn']} at which rows were counted"


def not_replayed(stop: dict[str, Any], lsn: str, wal: dict[str, Any]) -> Iterator[str]:
    """That recovery did not reach into a segment that it had to read: the last one, or for an earlier target the first.

    PostgreSQL takes a repository that fails in the middle for the end of all WAL, and lets the server lead from there.
    """
    name = wal["last" if stop["type"] == "latest" else "first"]
    # An archived segment holds the end of a record, if only of the switch to the next one (a single record of more than
    # 16 MB aside), so the stop is behind its first byte. That byte itself is where the segment before it ends.
    if position(lsn) <= split(name)[1] * SEGMENT_BYTES:
        yield f"it stopped at {lsn}, before anything of {name}, which is in the repository"


def other_timeline(stop: dict[str, Any], line: int, wal: dict[str, Any]) -> Iterator[str]:
    """That recovery followed an older timeline than the latest in the repository, where a primary was lost."""
    latest = split(wal["last"])[0]
    if stop["type"] == "latest" and line < latest:
        yield f"it followed timeline {line}, and timeline {latest} is in the repository"


def end_of_record(lsn: str) -> int:
    """A position as the end of what was written before it: just behind a page's header, that is where the page begins.

    >>> end_of_record("0/8000028") == end_of_record("0/8000018") == position("0/8000000")
    True
    """
    at: int = position(lsn)
    return at - at % PAGE_BYTES if at % PAGE_BYTES in HEADERS else at


def forgotten(server: Server) -> dict[str, str]:
    """Whether nothing is left of what recovery was told: a standby copied from it would stop there and lead itself."""
    left = ", ".join(row["name"] for row in ask(server.open(), TOLD))
    because = f"postgresql.auto.conf still has {left}: a standby copied from it would stop there and promote itself"
    wrong = [f"{because}; remove each with ALTER SYSTEM RESET"] * bool(left)
    return judged("what recovery was told is forgotten", wrong, "postgresql.auto.conf has nothing of it")


def same_cluster(facts: dict[str, Any], expected: str) -> dict[str, str]:
    """Whether the data is of the cluster that it is said to be of."""
    name, found = "it is the right cluster", facts["system_identifier"]
    if not expected:
        return check(name, "unknown", f"it is {found}, and nobody said which it should be")
    return judged(name, [f"it is {found} and not {expected}"] * (found != expected), f"system identifier {found}")


def uncounted(manifest: dict[str, Any]) -> str:
    """Why there is nothing to compare the databases with; empty if there is."""
    if not manifest:
        return "no manifest was taken when the backup was made"
    return "" if manifest["databases"] else "the manifest counted no database: name them in backup_databases"


def only(manifest: dict[str, Any], databases: list[str]) -> dict[str, Any]:
    """The part of a manifest that is of these databases."""
    return {
        **manifest,
        "databases": {name: manifest["databases"][name] for name in databases if name in manifest["databases"]},
    }


def rows(now: dict[str, Any], manifest: dict[str, Any], growing: set[str], *, exact: bool) -> Iterator[dict[str, str]]:
    """Rows of each table: equal at the exact position of the manifest; elsewhere a bound, where there is one."""
    for database, then in manifest["databases"].items():
        found = now[database]["tables"]
        for table, counted in then["tables"].items():
            name, full = f"rows of {database}.{table}", f"{database}.{table}"
            if table not in found:
                yield check(name, "missed", f"the table is missing, and had {counted} rows")
            elif isinstance(found[table], str):
                yield check(name, "missed", f"it cannot be read: {found[table]}")
            elif exact:
                yield judged(name, [f"{found[table]} and not {counted}"] * (found[table] != counted), f"{counted}")
            elif counted and not found[table]:
                yield check(name, "missed", f"it is empty, and had {counted} rows")
            elif full in growing:
                less = [f"{found[table]}, and there were {counted} already"] * (found[table] < counted)
                yield judged(name, less, f"{found[table]}, at least the {counted} of the manifest")
            else:
                because = f"{found[table]}; the manifest's {counted} hold at {manifest['lsn']} alone"
                yield check(name, "not checked", because)


def extensions(now: dict[str, Any], manifest: dict[str, Any]) -> dict[str, str]:
    """Whether each extension is there in its version."""
    wrong = [
        f"{database}: {name} {version} is {now[database]['extensions'].get(name, 'missing')}"
        for database, then in manifest["databases"].items()
        for name, version in then["extensions"].items()
        if now[database]["extensions"].get(name) != version
    ]
    count = sum(len(then["extensions"]) for then in manifest["databases"].values())
    return judged("extensions are there", wrong, f"all {count}")


def roles(server: Server, manifest: dict[str, Any]) -> dict[str, str]:
    """Whether each role is there with its rights."""
    found = {row["rolname"]: row["may"] for row in ask(server.open(), ROLES)}
    wrong = [
        f"{role} is missing"
        if role not in found
        else f"{role} may {found[role] or 'nothing'} and not {may or 'nothing'}"
        for role, may in manifest["roles"].items()
        if found.get(role) != may
    ]
    return judged("roles are there", wrong, f"all {len(manifest['roles'])}")


def collations(now: dict[str, Any], manifest: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Whether this host sorts as the one that the indexes were built on."""
    for database, then in manifest["databases"].items():
        name, here = f"collation of {database}", now[database]["collation"]
        before = then["collation"]["actual"]
        if here["actual"] is None and before is None:
            yield check(name, "met", f"{here['name']} has no version and never changes its order")
        else:
            wrong = [f"{here['name']} is {here['actual']} here and was {before}"] * (here["actual"] != before)
            yield judged(name, wrong, f"{here['name']} {before}")


def sequences(server: Server, databases: list[str]) -> dict[str, str]:
    """Whether no sequence is behind the column that it feeds, where the next insert would fail."""
    wrong, seen = [], 0
    for database in databases:
        connection = server.open(database)
        for row in ask(connection, SEQUENCES):
            seen += 1
            most = f'SELECT max("{row["column_name"]}") FROM "{row["schema_name"]}"."{row["table_name"]}"'  # noqa: S608  # from the catalogue
            state = ask(connection, f"SELECT ({most}) AS most, last_value FROM {row['sequence']}")[0]  # noqa: S608  # the same
            if (state["most"] or 0) > state["last_value"]:
                wrong.append(
                    f"{database}: {row['sequence']} is at {state['last_value']}, its column at {state['most']}"
                )
    if not seen:
        return check("sequences are not behind", "not checked", "no column has a sequence")
    return judged("sequences are not behind", wrong, f"all {seen}")


def rules(server: Server, asked: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """Whether each business rule holds."""
    for rule in asked:
        broken = ask_rule(server.open(rule["database"]), rule["query"])
        yield judged(f"rule: {rule['name']}", [f"broken {broken} times"] * bool(broken), "it holds")


def newest_write(server: Server, reference: float, limit_s: float, stop: dict[str, Any]) -> dict[str, str]:
    """How old the newest restored write was at the moment of reference."""
    name = "age of the newest restored write"
    if stop.get("type") != "latest":
        return check(name, "not checked", "recovery was asked to stop earlier, so its age says nothing of what is lost")
    if not reference:
        return check(name, "not checked", "nobody said up to which moment writes should be there")
    row = ask(server.open(), "SELECT extract(epoch FROM pg_last_xact_replay_timestamp())::float8 AS at")[0]
    if row["at"] is None:
        return check(
            name, "unknown", "recovery replayed no write, or the server was restarted since and no longer knows"
        )
    age = reference - row["at"]
    if age <= limit_s:
        return check(name, "met", f"{max(age, 0):.1f} s, and {limit_s:.0f} s may be lost")
    return check(name, "unknown", f"{age:.1f} s; whether anybody wrote after it, only those who wrote can say")


def run_tool(name: str, command: list[str], wrong_if: Callable[[int], bool], good: str) -> dict[str, str]:
    """What a tool of PostgreSQL says: met if it ends well, missed if it found damage, unknown if it could not look."""
    # A cluster that was restored in place may have no standby yet that could confirm the creation of an extension.
    environment = {**os.environ, "LC_ALL": "C", "PGOPTIONS": "-c synchronous_commit=local"}
    output = subprocess.DEVNULL if "basebackup" in command[0] else subprocess.PIPE
    done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, env=environment, check=False)
    said = ((done.stdout or b"") + done.stderr).decode(errors="replace").strip().splitlines()
    if done.returncode == 0:
        return check(name, "met", good)
    outcome = "missed" if wrong_if(done.returncode) or any("checksum" in line for line in said) else "unknown"
    return check(name, outcome, "; ".join(said[:REMOVED]) or f"it ended with {done.returncode}")


def pages(server: Server, programs: str) -> dict[str, str]:
    """Whether each page has the checksum that it was written with: a base backup reads them all and verifies them."""
    if ask(server.open(), "SHOW data_checksums")[0]["data_checksums"] != "on":
        return check("checksums of pages", "unknown", "the cluster has no checksums")
    command = [
        f"{programs}/pg_basebackup",
        f"--port={server.port}",
        "--username=postgres",
        "--pgdata=-",
        "--format=tar",
    ]
    command += ["--wal-method=none", "--checkpoint=fast", "--no-sync", "--no-password"]
    return run_tool("checksums of pages", command, lambda _: False, "every page was read, and each is right")


def tables_and_indexes(server: Server, programs: str, databases: list[str]) -> dict[str, str]:
    """Whether tables are whole, and each row is in each of its indexes; in all databases, unless some are named."""
    command = [f"{programs}/pg_amcheck", f"--port={server.port}", "--username=postgres", "--heapallindexed"]
    command += ["--install-missing", "--jobs=2", "--no-password"]
    command += [f"--database={name}" for name in databases] or ["--all"]
    found_damage = 2
    return run_tool(
        "tables and indexes (pg_amcheck)",
        command,
        lambda code: code == found_damage,
        "no damage, and every row is indexed",
    )


def left_out(server: Server, manifest: dict[str, Any], databases: list[str]) -> Iterator[dict[str, str]]:
    """The databases that were not looked into: those that were not brought back, and those that were never counted."""
    counted = manifest.get("databases", {})
    for name in counted:
        if databases and name not in databases:
            yield check(f"database {name}", "not checked", "it was not brought back")
    for name in (row["datname"] for row in ask(server.open(), DATABASES)):
        if name not in counted and (not databases or name in databases):
            yield check(f"database {name}", "not checked", "nothing in it was counted when the backup was made")


def count_or_complain(connection: Any, schema: str, table: str) -> int | str:  # noqa: ANN401  # psycopg2's own
    """How many rows the table has, or why it cannot be read."""
    try:
        return int(count(connection, schema, table))
    except psycopg2.Error as error:
        return str(error).strip()


def seen_now(server: Server, databases: list[str]) -> dict[str, Any]:
    """What the databases hold now; a database that is missing is empty."""
    there = {row["datname"] for row in ask(server.open(), "SELECT datname FROM pg_database WHERE datallowconn")}
    nothing: dict[str, Any] = {
        "tables": {},
        "extensions": {},
        "collation": {"name": "", "recorded": None, "actual": None},
    }
    return {name: contents(server.open(name), count_or_complain) if name in there else nothing for name in databases}
