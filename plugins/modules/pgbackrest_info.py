#!/usr/bin/python
"""Look at the backups of a PostgreSQL cluster in the repositories of pgBackRest."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pgbackrest_info
short_description: Look at the backups of a PostgreSQL cluster in the repositories of pgBackRest
description:
  - Says of each repository whether it can be read, which backups it has and how old the newest is.
  - Run it as the user of pgBackRest. Nothing is changed.
author: Drillbook
options:
  stanza:
    description: The name under which the cluster's backups are kept.
    type: str
    required: true
  config:
    description: The settings of pgBackRest to look with; empty means its own.
    type: path
    default: ""
attributes:
  check_mode:
    support: full
    description: It only looks.
"""

EXAMPLES = r"""
- name: Look at the backups
  pgbackrest_info:
    stanza: main
  become: true
  become_user: postgres
  register: backups
"""

RETURN = r"""
repositories:
  description: What was seen, by repository.
  returned: always
  type: list
  elements: dict
  contains:
    number: {description: "1 for the first", type: int}
    known: {description: "Whether it has a stanza for this cluster", type: bool}
    message: {description: "pgBackRest's own word on it; ok if all is well", type: str}
    cipher: {description: "How it is encrypted", type: str}
    system_identifier: {description: "The cluster that the stanza belongs to", type: str}
    newest_wal: {description: "The newest segment of WAL, or empty", type: str}
    backups: {description: "Label, type, age_seconds, size_bytes, duration_seconds, damaged, has_manifest", type: list}
    newest_age_seconds: {description: "The age of the newest backup; null if there is none", type: float}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.pgbackrest import Repository, RepositoryError, plain

SPEC = {"stanza": {"type": "str", "required": True}, "config": {"type": "path", "default": ""}}
NO_BACKUP_YET = 2  # pgBackRest's code for a stanza that is whole and has no backup


def backup(found: dict[str, Any], now: float) -> dict[str, Any]:
    """One backup in few words."""
    stamps = found["timestamp"]
    return {
        "label": found["label"],
        "type": found["type"],
        "age_seconds": round(now - stamps["stop"], 1),
        "duration_seconds": stamps["stop"] - stamps["start"],
        "size_bytes": found["info"]["size"],
        "damaged": bool(found.get("error")),
        "has_manifest": "manifest" in (found.get("annotation") or {}),
    }


def repository(info: dict[str, Any], of: dict[str, Any], now: float) -> dict[str, Any]:
    """One repository in few words."""
    number = of["key"]
    mine = [row for row in info.get("backup", []) if row["database"]["repo-key"] == number]
    archives = [row for row in info.get("archive", []) if row["database"]["repo-key"] == number]
    clusters = [row for row in info.get("db", []) if row["repo-key"] == number]
    backups = [backup(row, now) for row in mine]
    return {
        "number": number,
        "known": of["status"]["code"] in (0, NO_BACKUP_YET),
        "message": plain(of["status"]["message"]),
        "cipher": of.get("cipher", ""),
        "system_identifier": str(clusters[-1]["system-id"]) if clusters else "",
        "newest_wal": (archives[-1]["max"] or "") if archives else "",
        "backups": backups,
        "newest_age_seconds": min((row["age_seconds"] for row in backups), default=None),
    }


def main() -> None:
    """Looks and returns what was seen."""
    module = AnsibleModule(SPEC, supports_check_mode=True)
    try:
        info = Repository(module.params["stanza"], config=module.params["config"]).info()
    except RepositoryError as error:
        module.fail_json(msg=f"pgbackrest info: {error}")
    now = time.time()
    module.exit_json(changed=False, repositories=[repository(info, of, now) for of in info.get("repo", [])])


if __name__ == "__main__":
    main()
