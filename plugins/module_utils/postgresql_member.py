"""One PostgreSQL server of a replicated cluster, looked at and acted upon through its own local socket.

Every look has a deadline: a frozen server accepts connections and never answers.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import time
from typing import Any

try:
    import psycopg2
    from psycopg2 import extensions
except ImportError as error:  # reported by the modules, which know how to fail
    IMPORT_ERROR: ImportError | None = error
else:
    IMPORT_ERROR = None

LOOK = """
SELECT pg_is_in_recovery() AS in_recovery,
       (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
       CASE WHEN pg_is_in_recovery() THEN GREATEST(
              (SELECT timeline_id FROM pg_control_checkpoint()),
              (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
              (SELECT received_tli FROM pg_stat_wal_receiver))
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END AS timeline,
       CASE WHEN pg_is_in_recovery() THEN GREATEST(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
            ELSE pg_current_wal_flush_lsn() END - '0/0'::pg_lsn AS position,
       COALESCE((SELECT sender_host FROM pg_stat_wal_receiver WHERE status = 'streaming'), '') AS receiving_from,
       current_setting('primary_conninfo') AS primary_conninfo,
       COALESCE((SELECT json_agg(json_build_object('name', application_name, 'state', state, 'sync_state', sync_state))
                 FROM pg_stat_replication), '[]') AS replicas
"""


class ServerSilentError(Exception):
    """The server did not answer within the deadline."""


class Member:
    """The server with this version and cluster name on this host, spoken to as the user it runs as."""

    def __init__(self, version: int, cluster: str, patience_s: float) -> None:
        self.data = f"/var/lib/postgresql/{version}/{cluster}"
        self.programs = f"/usr/lib/postgresql/{version}/bin"
        self.patience_s = patience_s
        self._connection: Any = None

    def look(self) -> dict[str, Any]:
        """What the server says of itself; `state` is primary, standby, silent, stopped or absent."""
        if not os.path.exists(f"{self.data}/PG_VERSION"):
            return _nothing("absent")
        try:
            row = self.query(LOOK)[0]
        except ServerSilentError:
            return {**_nothing("silent"), **self._control_data()}
        except psycopg2.OperationalError:
            return {**_nothing("stopped"), **self._control_data()}
        upstream = re.search(r"\bhost=(\S+)", row.pop("primary_conninfo"))
        row["position"] = int(row["position"])
        return {
            "state": "standby" if row.pop("in_recovery") else "primary",
            "upstream": upstream[1] if upstream else "",
            **row,
        }

    def query(self, statement: str, arguments: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """The rows that `statement` returns, each as a dictionary.

        Raises:
            ServerSilentError: No answer within the patience given.
            psycopg2.Error: The server refused, or there is none.
        """
        deadline = time.monotonic() + self.patience_s
        if self._connection is None:
            self._connection = psycopg2.connect("dbname=postgres user=postgres", async_=True)
            self._wait(deadline)
        cursor = self._connection.cursor()
        cursor.execute(statement, arguments)
        self._wait(deadline)
        if cursor.description is None:
            return []
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def wait_until(self, statement: str, within_s: float) -> bool:
        """Whether `statement` became true within `within_s` seconds."""
        deadline = time.monotonic() + within_s
        while True:
            if next(iter(self.query(statement)[0].values())):
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)

    def _wait(self, deadline: float) -> None:
        connection = self._connection
        while (state := connection.poll()) != extensions.POLL_OK:
            left = deadline - time.monotonic()
            readable = [connection] if state == extensions.POLL_READ else []
            writable = [connection] if state == extensions.POLL_WRITE else []
            if left <= 0 or not any(select.select(readable, writable, [], left)):
                self._connection = None
                raise ServerSilentError(f"no answer within {self.patience_s} s")

    def _control_data(self) -> dict[str, Any]:
        command = [f"{self.programs}/pg_controldata", "-D", self.data]
        environment = {**os.environ, "LC_ALL": "C"}
        answer = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        facts = dict(line.split(":", 1) for line in answer.stdout.splitlines() if ":" in line)
        return {
            "system_identifier": facts.get("Database system identifier", "").strip(),
            "timeline": int(facts.get("Latest checkpoint's TimeLineID", "0")),
        }


def _nothing(state: str) -> dict[str, Any]:
    return {
        "state": state,
        "system_identifier": "",
        "timeline": 0,
        "position": 0,
        "receiving_from": "",
        "upstream": "",
        "replicas": [],
    }


ARGUMENTS = {
    "version": {"type": "int", "default": 15},
    "cluster": {"type": "str", "default": "main"},
    "patience": {"type": "float", "default": 2.0},
}
