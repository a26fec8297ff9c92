"""Which tasks change something, which prove something, and which changes nobody proves."""

import re
from collections.abc import Sequence

from drills.pages.by_hand import SILENT, looks
from drills.pages.playbook import Task

_READS = re.compile(r"\s*(select|show|table|explain)\b", re.IGNORECASE)
_ACTS = re.compile(
    r"\bpg_(promote|reload|terminate|cancel|switch|create|drop|rotate|start|stop|wal_replay)", re.IGNORECASE
)


def changes(task: Task) -> bool:
    """Whether a person who follows this task changes something."""
    nothing = task.is_block or task.module in SILENT or looks(task) or task.remarks.nothing_to_type
    if nothing or task.keywords.get("changed_when") is False:
        return False
    if task.module == "uri":
        return str(task.args.get("method", "GET")).upper() not in {"GET", "HEAD"}
    query = str(task.args.get("query", ""))
    return not (task.module == "postgresql_query" and _READS.match(query) and not _ACTS.search(query))


def proves(task: Task) -> bool:
    """Whether this task fails when the world is not as it should be."""
    if "until" in task.keywords or task.module in {"assert", "fail", "wait_for", "wait_for_connection"}:
        return True
    if changes(task):
        return False
    failed = task.keywords.get("failed_when")
    return failed is not False and (task.module == "uri" or failed is not None)


def unproved(tasks: Sequence[Task]) -> list[Task]:
    """The changing tasks of a play after which no proof comes in their file or their block of the playbook."""
    return [change for step in tasks for change in _unproved([step], later=False)[0]]


def _unproved(tasks: Sequence[Task], *, later: bool) -> tuple[list[Task], bool]:
    """The unproved changes of one list, and whether it holds a proof; `later`: a proof follows the list."""
    found: list[Task] = []
    proved = later
    for task in reversed(tasks):
        if changes(task) and not proved and "until" not in task.keywords and not task.remarks.proven:
            found.insert(0, task)
        for part in (task.always, task.rescue, task.block):
            inside, holds = _unproved(part, later=proved)
            found[:0] = inside
            # What only runs after a failure proves nothing about the way that went well.
            proved = proved or (holds and part is not task.rescue)
        proved = proved or proves(task)
    return found, proved
