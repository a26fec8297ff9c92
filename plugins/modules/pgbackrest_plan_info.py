#!/usr/bin/python
"""Say what a restore would do and what stands against it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pgbackrest_plan_info
short_description: Say what a restore would do and what stands against it
description:
  - Chooses the backup, lists the WAL that recovery needs and looks whether it is all there, compares sizes with the
    free disk, and looks whether the target is in use.
  - Run it on the host that is restored to, as the user of pgBackRest. Nothing is changed.
author: Drillbook
options:
  stanza: {description: The name under which the cluster's backups are kept., type: str, required: true}
  repository: {description: The number of the repository., type: int, default: 1}
  type:
    description: Where recovery stops. V(manifest) is the moment at which rows were counted after the backup.
    type: str
    choices: [latest, manifest, time, name, lsn, xid]
    default: latest
  target: {description: "The time, name, position or transaction.", type: str, default: ""}
  exclusive: {description: Whether to stop just before the target., type: bool, default: false}
  set: {description: The backup to begin with. Empty means the newest before the target., type: str, default: ""}
  timeline: {description: The number of the timeline to follow. Empty means the latest., type: str, default: ""}
  databases:
    description: The databases to bring back, also as one word with commas. Empty means all.
    type: list
    elements: str
    default: []
  data: {description: The directory that is restored to., type: path, required: true}
  system_identifier: {description: The cluster that the backup must be of. Empty means any., type: str, default: ""}
  read_all: {description: Whether to read every file of the repository., type: bool, default: false}
  durations: {description: A file with earlier restores., type: path, default: ""}
attributes:
  check_mode:
    support: full
    description: It only looks.
"""

EXAMPLES = r"""
- name: Plan the restore
  pgbackrest_plan_info:
    stanza: main
    data: /var/lib/postgresql/15/restored
  become: true
  become_user: postgres
  register: planned
"""

RETURN = r"""
plan:
  description: What would be done. Its problems are empty if nothing stands against it.
  returned: always
  type: dict
"""

import json
import os
import shutil
import statistics
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.pgbackrest import SEGMENT_BYTES, Repository, RepositoryError, Stretch, name_of, plain
from ansible.module_utils.pgbackrest_plan import (
    ambiguous,
    broken_chain,
    databases_missing,
    elsewhere,
    ends_too_late,
    fitting,
    in_question,
    manifest_of,
    not_dated,
    on_the_way,
    recovery,
    room,
    wal_needed,
)

ARGUMENTS = {
    "stanza": {"type": "str", "required": True},
    "repository": {"type": "int", "default": 1},
    "type": {
        "type": "str",
        "default": "latest",
        "choices": ["latest", "manifest", "time", "name", "lsn", "xid"],
    },
    "target": {"type": "str", "default": ""},
    "exclusive": {"type": "bool", "default": False},
    "set": {"type": "str", "default": ""},
    "timeline": {"type": "str", "default": ""},
    "databases": {"type": "list", "elements": "str", "default": []},
    "data": {"type": "path", "required": True},
    "system_identifier": {"type": "str", "default": ""},
    "read_all": {"type": "bool", "default": False},
    "durations": {"type": "path", "default": ""},
}


def state_of(data: str) -> str:
    """Whether the directory is absent, empty, has data, or belongs to a server that runs."""
    if not os.path.isdir(data) or not os.listdir(data):
        return "empty" if os.path.isdir(data) else "absent"
    try:
        with open(f"{data}/postmaster.pid") as file:
            os.kill(int(file.readline()), 0)
    except (OSError, ValueError):
        return "data"
    return "running"


def free_bytes(data: str) -> int:
    """The free disk where the directory is or would be."""
    while not os.path.isdir(data):
        data = os.path.dirname(data)
    return shutil.disk_usage(data).free


def expected_seconds(durations: str, size: int) -> float | None:
    """How long it will take, by the median of earlier restores on this host; nothing without one."""
    if not os.path.exists(durations):
        return None
    with open(durations) as file:
        rows = [json.loads(line) for line in file if line.strip()]
    return round(size * statistics.median(row["seconds"] / row["bytes"] for row in rows), 1) if rows else None


def choose(asked: dict[str, Any], repository: Repository) -> dict[str, Any]:
    """The plan, as far as the repository decides it.

    Raises:
        RepositoryError: There is nothing that could be restored.
    """
    info = known(repository.info(), asked)
    backups = info["backup"]
    fit = fitting(backups, asked)
    of = fit[-1]["database"]["id"]
    cluster = next(row for row in info["db"] if row["id"] == of)
    archive_id = next(row["id"] for row in info["archive"] if row["database"]["id"] == of)
    archive = repository.archive(archive_id, asked["timeline"])
    fit = on_the_way([backup for backup in fit if backup["database"]["id"] == of], archive)
    backup = fit[-1]
    stop = recovery(backup, asked)
    path, wal_problems = wal_needed(backup, stop, archive)
    meant, not_meant = in_question(elsewhere(stop, archive), backup, asked)
    there = repository.databases(backup["label"]) if asked["databases"] else []
    system_identifier = str(cluster["system-id"])
    problems = not_dated(fit, asked) + ends_too_late(backup, stop) + ambiguous(meant, stop, archive.timeline)
    problems += broken_chain(backup, backups) + wal_problems
    problems += databases_missing(asked["databases"], there, backup["label"])
    if asked["system_identifier"] not in ("", system_identifier):
        problems.append(
            f"the backup is of the cluster {system_identifier}, and {asked['system_identifier']} was asked for"
        )
    return {
        "set": backup["label"],
        "chain": [*(backup.get("reference") or []), backup["label"]],
        "stop": stop,
        "timeline": archive.timeline,
        "system_identifier": system_identifier,
        "wal": {
            "first": name_of(path[0]) if path else "",
            "last": name_of(path[-1]) if path else "",
            "segments": len(path),
        },
        "size_bytes": backup["info"]["size"],
        "manifest": manifest_of(backup),
        "problems": problems,
        "not_checked": not_checked(asked, not_meant, there),
    }


def known(info: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """What the repository knows of the stanza, which has backups.

    Raises:
        RepositoryError: It has none, or it cannot be read.
    """
    status = next((row["status"] for row in info.get("repo", []) if row["key"] == asked["repository"]), None)
    if status is None or status["code"]:
        raise RepositoryError(plain(status["message"]) if status else f"it has no backups of {asked['stanza']}")
    return info


def not_checked(asked: dict[str, Any], not_meant: list[Stretch], there: list[str] | None) -> list[str]:
    """What nobody has looked at, and could stand against the restore."""
    target = f"the {asked['type']} {asked['target']}"
    found = [] if asked["read_all"] else ["the contents of the files in the repository (read_all)"]
    if asked["type"] in ("name", "xid"):
        found.append(f"whether the WAL contains {target}")
        found += [f"whether {target} is one of timeline {stretch.timeline}, which was left" for stretch in not_meant]
    return found + ["whether the backup has the databases that are asked for"] * (there is None)


def read_everything(repository: Repository) -> list[str]:
    """What is wrong with files of the repository, each read from its first byte to its last."""
    return damaged(repository.ask("--output=text", "--verbose", "verify"))


def damaged(said: str) -> list[str]:
    r"""The backups and the archive in which `pgbackrest verify` found something wrong, each with what it counted.

    >>> damaged("  backup: first, status: invalid, total: 9\n    missing: 0, checksum invalid: 1, other: 0\n")
    ['the repository is damaged: backup first has missing: 0, checksum invalid: 1, other: 0']
    """
    where, found = "the whole", []
    for line in (line.strip() for line in said.splitlines()):
        if line.startswith(("backup: ", "archiveId: ")):
            where = line.partition(",")[0].replace("archiveId: ", "archive ").replace("backup: ", "backup ")
        elif bad(line):
            found.append(f"the repository is damaged: {where} has {line}")
    return found


def bad(line: str) -> bool:
    """Whether a line of `pgbackrest verify` counts something that is wrong.

    >>> bad("missing: 0, checksum invalid: 1, size invalid: 0, other: 0"), bad("missing: 0, other: 0")
    (True, False)
    """
    counts = [part.rsplit(":", 1) for part in line.split(",") if ":" in part]
    names = ("missing", "checksum invalid", "size invalid", "other", "total invalid")
    return any(name.strip() in names and count.strip() not in ("0", "") for name, count in counts)


def plan(asked: dict[str, Any]) -> dict[str, Any]:
    """The whole plan. What stands against it is in its problems; what was not looked at is in not_checked."""
    asked = {**asked, "databases": [name.strip() for name in asked["databases"] if name.strip()]}
    repository = Repository(asked["stanza"], asked["repository"])
    found: dict[str, Any] = {name: asked[name] for name in ("repository", "databases")}
    found["target_state"] = state_of(asked["data"])
    try:
        found |= choose(asked, repository)
        needed, short = room(found["size_bytes"], found["wal"]["segments"], free_bytes(asked["data"]))
        found["problems"] += short + (read_everything(repository) if asked["read_all"] else [])
    except (RepositoryError, ValueError) as error:
        return {**found, "problems": [f"repository {asked['repository']} cannot serve: {error}"], "manifest": {}}
    found |= {"needed_bytes": needed, "free_bytes": free_bytes(asked["data"])}
    found["wal"]["bytes"] = found["wal"]["segments"] * SEGMENT_BYTES
    found["expected_seconds"] = expected_seconds(asked["durations"], found["size_bytes"])
    return found


def main() -> None:
    """Looks and returns the plan."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    module.exit_json(changed=False, plan=plan(module.params))


if __name__ == "__main__":
    main()
