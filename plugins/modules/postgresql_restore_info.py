#!/usr/bin/python
"""Prove that a restored PostgreSQL cluster is whole, check by check."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_restore_info
short_description: Prove that a restored PostgreSQL cluster is whole, check by check
description:
  - Checks that recovery reached its target and left nothing behind, that pages, tables and indexes are undamaged, and
    that rows, business rules, sequences, extensions, roles and collations are those that were counted when the backup
    was made.
  - A server that has other data than O(data) is asked nothing else, and that is missed.
  - Each check is met, missed or unknown. What was not checked is listed as not checked.
  - Run it as the user the server runs as. The extension amcheck is created where it is missing; nothing else changes.
author: Drillbook
requirements: [psycopg2]
options:
  port: {description: The port of the restored server., type: int, required: true}
  version: {description: Its major version., type: int, default: 15}
  data: {description: Its data directory., type: path, required: true}
  manifest: {description: What was counted when the backup was made., type: dict, default: {}}
  stop: {description: Where recovery was asked to stop., type: dict, default: {}}
  wal:
    description: The first and the last segment of WAL that the plan of the restore found in the repository.
    type: dict
    default: {}
  system_identifier: {description: The cluster that it must be of., type: str, default: ""}
  rules: {description: Business rules., type: list, elements: dict, default: []}
  growing_tables: {description: Tables in which rows are only added., type: list, elements: str, default: []}
  databases: {description: Those that were brought back. None named means all., type: list, elements: str, default: []}
  reference: {description: The moment up to which writes should be there, type: float, default: 0}
  loss_limit: {description: How many seconds of writes may be missing., type: float, default: 60}
attributes:
  check_mode:
    support: full
    description: It looks, and creates amcheck where it is missing.
"""

EXAMPLES = r"""
- name: Prove that the restored cluster is whole
  postgresql_restore_info:
    port: 5433
    data: /var/lib/postgresql/15/restored
  become: true
  become_user: postgres
  register: proved
"""

RETURN = r"""
checks:
  description: Each check with its outcome (met, missed, unknown, not checked) and because.
  returned: always
  type: list
  elements: dict
outcome: {description: "The worst of them: missed, unknown or met.", returned: always, type: str}
not_checked: {description: What was not looked at., returned: always, type: list, elements: str}
"""

import contextlib
from typing import TYPE_CHECKING, Any

from ansible.module_utils import postgresql_restore as restored
from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.postgresql_manifest import IMPORT_ERROR, Server, ask

with contextlib.suppress(ImportError):  # reported through IMPORT_ERROR
    import psycopg2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Checks = dict[str, Callable[[], Iterable[dict[str, str]]]]

FACTS = """
SELECT pg_is_in_recovery() AS standby, (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
    (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline, current_setting('data_directory') AS data
"""
ARGUMENTS = {
    "port": {"type": "int", "required": True},
    "version": {"type": "int", "default": 15},
    "data": {"type": "path", "required": True},
    "manifest": {"type": "dict", "default": {}},
    "stop": {"type": "dict", "default": {}},
    "wal": {"type": "dict", "default": {}},
    "system_identifier": {"type": "str", "default": ""},
    "rules": {"type": "list", "elements": "dict", "default": []},
    "growing_tables": {"type": "list", "elements": "str", "default": []},
    "databases": {"type": "list", "elements": "str", "default": []},
    "reference": {"type": "float", "default": 0},
    "loss_limit": {"type": "float", "default": 60},
}


def each(asked: dict[str, Any], server: Server, facts: dict[str, Any]) -> Checks:
    """The checks by name, in the order in which they are made: amcheck is last, since it may create its extension."""
    chosen, stop = asked["databases"], asked["stop"]
    manifest = restored.only(asked["manifest"], chosen) if asked["manifest"] and chosen else asked["manifest"]
    chosen_rules = [rule for rule in asked["rules"] if not chosen or rule["database"] in chosen]
    programs = f"/usr/lib/postgresql/{asked['version']}/bin"
    databases = list(manifest.get("databases", {}))
    now = restored.seen_now(server, databases)
    return {
        "it accepts writes": lambda: [restored.answers(facts)],
        "recovery": lambda: [restored.target_reached(asked["data"], stop, facts, manifest, asked["wal"])],
        "settings": lambda: [restored.forgotten(server)],
        "cluster": lambda: [restored.same_cluster(facts, asked["system_identifier"])],
        **compared(asked, server, now, manifest),
        "rules": lambda: restored.rules(server, chosen_rules),
        "newest write": lambda: [restored.newest_write(server, asked["reference"], asked["loss_limit"], stop)],
        "pages": lambda: [restored.pages(server, programs)],
        "amcheck": lambda: [restored.tables_and_indexes(server, programs, chosen)],
        "other databases": lambda: restored.left_out(server, asked["manifest"], chosen),
    }


def compared(asked: dict[str, Any], server: Server, now: dict[str, Any], manifest: dict[str, Any]) -> Checks:
    """The checks against the manifest by name. Those that it has nothing for are unknown, and are said in one."""
    stop, growing = asked["stop"], set(asked["growing_tables"])
    exact = manifest.get("exact") and (stop.get("target"), stop.get("exclusive")) == (manifest["lsn"], True)
    counted: Checks = {
        "rows": lambda: restored.rows(now, manifest, growing, exact=bool(exact)),
        "extensions": lambda: [restored.extensions(now, manifest)],
        "collations": lambda: restored.collations(now, manifest),
        "sequences": lambda: [restored.sequences(server, list(now))],
        "roles": lambda: [restored.roles(server, manifest)],
    }
    why = restored.uncounted(manifest)
    # Roles belong to no database.
    silent = [name for name in counted if why and (name != "roles" or not manifest)]
    told = {name: make for name, make in counted.items() if name not in silent}
    return {**told, "uncounted": lambda: [restored.check(name, "unknown", why) for name in silent]}


def prove(asked: dict[str, Any]) -> list[dict[str, str]]:
    """Makes every check. One that breaks off says unknown and does not end the others.

    A server with other data than the asked one is asked nothing else: whatever it says is no proof.
    """
    server = Server(asked["port"])
    try:
        facts = ask(server.open(), FACTS)[0]
        right = restored.asked_cluster(facts["data"], asked["data"], asked["port"])
        if right["outcome"] != "met":
            return [right]
        checks = each(asked, server, facts)
    except psycopg2.Error as error:
        return [restored.check("it answers", "missed", str(error).strip())]
    found = [right]
    for name, make in checks.items():
        try:
            found += make()
        except (psycopg2.Error, OSError, KeyError, ValueError) as error:
            found.append(restored.check(name, "unknown", f"it could not be looked at: {str(error).strip()}"))
    return found


def worst(checks: list[dict[str, str]]) -> str:
    """Missed over unknown over met. What was not checked is no part of it, and nothing met at all is unknown."""
    outcomes = {found["outcome"] for found in checks}
    return next((outcome for outcome in ("missed", "unknown", "met") if outcome in outcomes), "unknown")


def main() -> None:
    """Makes every check and returns what was found."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("psycopg2"))
    checks = prove(module.params)
    left = [f"{found['check']}: {found['because']}" for found in checks if found["outcome"] == "not checked"]
    module.exit_json(changed=False, checks=checks, outcome=worst(checks), not_checked=left)


if __name__ == "__main__":
    main()
