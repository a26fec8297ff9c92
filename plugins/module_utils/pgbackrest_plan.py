"""What a restore would do, and what stands against it. Nothing here looks; the module pgbackrest_plan_info does."""

from __future__ import annotations

import base64
import datetime as dt
import json
import zlib
from typing import TYPE_CHECKING, Any

from ansible.module_utils.pgbackrest import (
    SEGMENT_BYTES,
    Archive,
    RepositoryError,
    name_of,
    position,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# pgBackRest, PostgreSQL and the file system need some room beside the data.
MARGIN = 1.1
SPOOL_BYTES = 256 * 1024**2


def moment(text: str) -> float:
    """The time that a person wrote, which must say its offset.

    >>> moment("2026-01-01 00:00:00+00:00")
    1767225600.0

    Raises:
        ValueError: It is no time, or its offset is missing.
    """
    found = dt.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} does not say its offset from UTC, such as +00:00")
    return found.timestamp()


def manifest_of(backup: dict[str, Any]) -> dict[str, Any]:
    """What was counted when the backup was made; empty if nothing was, or if it cannot be read."""
    word = (backup.get("annotation") or {}).get("manifest", "")
    try:
        return dict(json.loads(zlib.decompress(base64.urlsafe_b64decode(word)))) if word else {}
    except (ValueError, zlib.error):
        return {}


def packed(manifest: dict[str, Any]) -> str:
    """A manifest as one word, small enough to travel with its backup.

    >>> manifest_of({"annotation": {"manifest": packed({"lsn": "0/5"})}})
    {'lsn': '0/5'}
    """
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(manifest).encode(), 9)).decode()


def begin_with(backups: Sequence[dict[str, Any]], asked: dict[str, Any]) -> dict[str, Any]:
    """The backup to begin with: the one named, or the newest that ends before the target.

    Raises:
        RepositoryError: There is none.
    """
    fit = list(backups)
    if asked["set"]:
        fit = [backup for backup in fit if backup["label"] == asked["set"]]
    elif asked["type"] == "time":
        fit = [backup for backup in fit if backup["timestamp"]["stop"] <= moment(asked["target"])]
    elif asked["type"] == "lsn":
        fit = [backup for backup in fit if position(backup["lsn"]["stop"]) <= position(asked["target"])]
    if asked["type"] == "manifest":
        fit = [backup for backup in fit if manifest_of(backup)]
    if not fit:
        raise RepositoryError(
            f"none of the {len(backups)} backups fits: set {asked['set'] or 'any'}, "
            f"{asked['type']} {asked['target']}".rstrip()
        )
    return fit[-1]


def recovery(backup: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Where recovery is to stop. A manifest stands for the exact position at which its rows were counted."""
    if asked["type"] == "manifest":
        return {"type": "lsn", "target": manifest_of(backup)["lsn"], "exclusive": True}
    return {"type": asked["type"], "target": asked["target"], "exclusive": asked["exclusive"]}


def broken_chain(backup: dict[str, Any], backups: Sequence[dict[str, Any]]) -> list[str]:
    """The backups that this one stands on and that are gone or were damaged when they were made."""
    known = {found["label"]: found for found in backups}
    chain = [*(backup.get("reference") or []), backup["label"]]
    gone = [f"backup {label}, which {backup['label']} stands on, is gone" for label in chain if label not in known]
    return gone + [
        f"backup {label} has pages with wrong checksums, seen when it was made"
        for label in chain
        if known.get(label, {}).get("error")
    ]


def wal_needed(
    backup: dict[str, Any], stop: dict[str, Any], archive: Archive
) -> tuple[list[tuple[int, int]], list[str]]:
    """The segments that recovery reads, and what is wrong with them."""
    first = split(backup["archive"]["start"])
    last = position(stop["target"]) // SEGMENT_BYTES if stop["type"] == "lsn" else None
    path = archive.path(first, last)
    problems = []
    if stop["type"] == "time":
        # A segment comes after the last write in it, so the first one that came after the target ends it.
        until = moment(stop["target"])
        came = [index for index, segment in enumerate(path) if archive.segments.get(segment, 0) >= until]
        if not came:
            newest = max(archive.segments.values(), default=0)
            said = dt.datetime.fromtimestamp(newest, dt.UTC).isoformat(" ")
            problems.append(f"the target {stop['target']} is not reached: the newest WAL in the repository came {said}")
        else:
            path = path[: came[0] + 1]
    missing = [segment for segment in path if segment not in archive.segments]
    beyond = [segment for segment in missing if segment[1] > archive.newest(archive.latest_timeline)]
    if beyond:
        newest_wal = name_of((archive.latest_timeline, max(archive.newest(archive.latest_timeline), 0)))
        problems.append(f"the target {stop['target']} is not reached: the newest WAL there is {newest_wal}")
    holes = [name_of(segment) for segment in missing if segment not in beyond]
    if holes:
        problems.append(f"WAL is missing in the repository: {', '.join(holes[:5])} ({len(holes)} in all)")
    return path, problems


def room(size: int, segments: int, free: int) -> tuple[int, list[str]]:
    """How many bytes a restore needs, and whether there are as many."""
    needed = int(size * MARGIN) + min(segments * SEGMENT_BYTES, SPOOL_BYTES) + SEGMENT_BYTES * 4
    short = [f"too little disk: {needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free"] * (free < needed)
    return needed, short
