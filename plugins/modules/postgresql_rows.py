#!/usr/bin/python
"""Bring rows that a live PostgreSQL database has lost back from a restored cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_rows
short_description: Bring rows that a live PostgreSQL database has lost back from a restored cluster
description:
  - Finds the rows that the restored cluster on this host has and the live database has not, by primary key, and inserts
    them there, in one transaction. A row that is there is never changed and never deleted.
  - A row whose place in a unique index is taken cannot come back. Then nothing is done, unless O(accept_conflicts).
  - Triggers of the live tables fire as for every insert. If one changes a row that comes back, nothing is done.
  - Generated columns make themselves, identity columns keep their values, and no sequence is behind afterwards.
  - Nothing is done unless the server on O(port) has O(data) and is a copy of the live one.
  - Run it as the user the restored server runs as. In check mode it says what it would do.
author: Drillbook
requirements: [psycopg2]
options:
  port: {description: The port of the restored server on this host., type: int, required: true}
  data: {description: Its data directory., type: path, required: true}
  database: {description: The database., type: str, required: true}
  tables:
    description: The tables as schema.table, those that others refer to first.
    type: list
    elements: str
    required: true
  conditions:
    description: For a table, the SQL condition of the rows that are wanted. Without one all are.
    type: dict
    default: {}
  host: {description: The host through which applications reach the live database., type: str, required: true}
  host_port: {description: Its port., type: int, default: 5432}
  user: {description: The role that signs in there and owns the tables., type: str, required: true}
  password: {description: Its password., type: str, required: true}
  accept_conflicts:
    description: Whether the others come back when the places of some rows are taken.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Says what would come back, and what cannot.
"""

EXAMPLES = r"""
- name: Bring deleted bookings back
  postgresql_rows:
    port: 5433
    data: /var/lib/postgresql/15/restored
    database: bookings
    tables: [bookings.bookings, bookings.payments]
    host: lb1
    user: bookings
    password: "{{ vault_bookings_database_password }}"
  become: true
  become_user: postgres
"""

RETURN = r"""
tables:
  description:
    - For each table the rows in the restored cluster and in the live database, those that were missing, those whose
      place is taken, those that were brought back, and the triggers that fire.
  returned: success
  type: list
  elements: dict
missing: {description: How many rows were missing., returned: success, type: int}
taken: {description: How many of them cannot come back., returned: success, type: int}
brought_back: {description: How many came back., returned: success, type: int}
conflicts:
  description: The first hundred rows of each table that cannot come back, with table, key and because.
  returned: success
  type: list
  elements: dict
told:
  description: What was found in each table, and each conflict, in words.
  returned: success
  type: list
  elements: str
said: {description: The first five of them in words., returned: success, type: str}
"""

import contextlib
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.postgresql_manifest import IMPORT_ERROR
from ansible.module_utils.postgresql_rows import (
    Lost,
    OtherServerError,
    UncertainError,
    bring_back,
    commit,
    connect,
    plan,
    same_origin,
)
from ansible.module_utils.postgresql_table import RefusedError

with contextlib.suppress(ImportError):  # reported through IMPORT_ERROR
    import psycopg2

ARGUMENTS = {
    "port": {"type": "int", "required": True},
    "data": {"type": "path", "required": True},
    "database": {"type": "str", "required": True},
    "tables": {"type": "list", "elements": "str", "required": True},
    "conditions": {"type": "dict", "default": {}},
    "host": {"type": "str", "required": True},
    "host_port": {"type": "int", "default": 5432},
    "user": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "accept_conflicts": {"type": "bool", "default": False},
}


# What a person can do about an error of the server.
HINTS = {
    "23503": "name the table that they refer to as well, before this one",
    "42501": "sign in as the role that owns the tables",
    "55P03": "somebody is just taking the place of one of the rows; run it again",
}


def undo(asked: dict[str, Any], *, only_plan: bool) -> dict[str, Any]:
    """Connects to both servers and brings the rows back, all or nothing.

    Raises:
        RefusedError: It cannot be done as asked; nothing was changed.
        OtherServerError: The restored server is not a copy of the live one; nothing was changed.
        psycopg2.Error: A server cannot be reached or refuses; nothing was changed.
        UncertainError: The connection broke when everything was done; it may be kept or not.
    """
    strangers = sorted(set(asked["conditions"]) - set(asked["tables"]))
    if strangers:
        raise RefusedError(f"there is a condition for {', '.join(strangers)}, which is not among the tables")
    with contextlib.ExitStack() as opened:

        def to(**where: Any) -> Any:  # noqa: ANN401  # psycopg2's own
            return opened.enter_context(contextlib.closing(connect(dbname=asked["database"], **where)))

        restored = to(user="postgres", port=asked["port"])
        at = {"host": asked["host"], "port": asked["host_port"], "target_session_attrs": "read-write"}
        live = to(user=asked["user"], password=asked["password"], **at)
        same_origin(restored, live, asked["data"], asked["port"])
        conditions = asked["conditions"]
        lost = [Lost(restored, live, name, conditions.get(name, ""), n) for n, name in enumerate(asked["tables"])]
        done: dict[str, Any] = plan(lost) if only_plan else bring_back(lost, accept_conflicts=asked["accept_conflicts"])
        if only_plan:
            return done
        commit(live)
        return {**done, "warnings": [said.strip() for said in live.notices if said.startswith("WARNING")]}


def main() -> None:
    """Brings the rows back and returns what was found."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("psycopg2"))
    try:
        done = undo(module.params, only_plan=module.check_mode)
    except UncertainError as error:
        module.fail_json(msg=f"{error}. HINT: run it again; what has come back is found and left alone")
    except OtherServerError as error:
        module.fail_json(msg=f"{error}; nothing was changed. HINT: {error.hint}")
    except RefusedError as error:
        module.fail_json(msg=f"{error}; nothing was changed")
    except psycopg2.Error as error:
        hint = HINTS.get(error.pgcode or "", f"see whether {module.params['host']} and the restored cluster answer")
        module.fail_json(msg=f"{' '.join(str(error).split())}; nothing was changed. HINT: {hint}")
    for warning in done.pop("warnings", []):
        module.warn(warning)
    would = done["missing"] - done["taken"] if module.check_mode else done["brought_back"]
    module.exit_json(changed=would > 0, **done)


if __name__ == "__main__":
    main()
