#!/usr/bin/python
"""Count what a backup must bring back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_manifest_info
short_description: Count what a backup must bring back
description:
  - Counts the rows of all tables of some databases at one exact position of the WAL, asks the business rules, and lists
    roles, extensions and collations.
  - Says which transactions had not ended by then (C(next_xid) and those after it), so that a backup that ended before
    is known to lie before them.
  - On a standby, replay is held for some milliseconds; nobody who writes waits for it. On a primary the position is
    only a bound, since writes go on.
  - Run it as the user the server runs as. Nothing is changed.
author: Drillbook
requirements: [psycopg2]
options:
  port: {description: The port of the server., type: int, default: 5432}
  databases: {description: The databases to count in., type: list, elements: str, default: []}
  rules:
    description: Business rules, each with name, database and a query that returns how often it is broken.
    type: list
    elements: dict
    default: []
attributes:
  check_mode:
    support: full
    description: It only looks.
"""

EXAMPLES = r"""
- name: Count the rows
  postgresql_manifest_info:
    databases: [bookings]
  become: true
  become_user: postgres
  register: counted
"""

RETURN = r"""
manifest: {description: What was counted and where in the WAL., returned: always, type: dict}
packed: {description: "The same as one word, which travels with the backup.", returned: always, type: str}
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.pgbackrest_plan import packed
from ansible.module_utils.postgresql_manifest import IMPORT_ERROR, Server, ask, take

ARGUMENTS = {
    "port": {"type": "int", "default": 5432},
    "databases": {"type": "list", "elements": "str", "default": []},
    "rules": {"type": "list", "elements": "dict", "default": []},
}


def next_xid(server: Server) -> int:
    """A transaction that has not ended yet; neither has any with a higher id."""
    connection = server.open()
    found = ask(connection, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xid")[0]["xid"]
    connection.close()
    return int(found)


def main() -> None:
    """Counts and returns what was counted."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("psycopg2"))
    asked = module.params
    server = Server(asked["port"])
    # Asked last: what has not ended by now had not ended at the position of the manifest either.
    manifest = {**take(server, asked["databases"], asked["rules"]), "next_xid": next_xid(server)}
    module.exit_json(changed=False, manifest=manifest, packed=packed(manifest))


if __name__ == "__main__":
    main()
