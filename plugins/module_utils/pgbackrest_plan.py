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
    Stretch,
    lsn,
    name_of,
    position,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# pgBackRest, PostgreSQL and the file system need some room beside the data.
MARGIN = 1.1
SPOOL_BYTES = 256 * 1024**2
# Recovery compares ids of transactions in as many bits as PostgreSQL writes to each row.
XIDS = 2**32


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


def when(seconds: float) -> str:
    """A time as a person writes it.

    >>> when(0)
    '1970-01-01 00:00:00+00:00'
    """
    return dt.datetime.fromtimestamp(round(seconds), dt.UTC).isoformat(" ")


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


def fitting(backups: Sequence[dict[str, Any]], asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The backups that could serve, oldest first: the one named, or those that end before the target.

    Those that are known to end before a transaction are preferred; where there is none, and for a name, it may be any.

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
    elif asked["type"] == "xid":
        fit = [backup for backup in fit if ends_before(backup, asked["target"])] or fit
    if asked["type"] == "manifest":
        fit = [backup for backup in fit if manifest_of(backup)]
    if not fit:
        raise RepositoryError(
            f"none of the {len(backups)} backups fits: set {asked['set'] or 'any'}, "
            f"{asked['type']} {asked['target']}".rstrip()
        )
    return fit


def ends_before(backup: dict[str, Any], transaction: str) -> bool:
    """Whether the backup is known to end before a transaction did, by the manifest that was taken after its end."""
    next_xid = manifest_of(backup).get("next_xid")
    return next_xid is not None and (int(transaction) - int(next_xid)) % XIDS < XIDS // 2


def on_the_way(fit: Sequence[dict[str, Any]], archive: Archive) -> list[dict[str, Any]]:
    """Those of some backups that recovery can begin with, since its timeline goes through their ends; or the newest."""
    found = [
        backup
        for backup in fit
        if archive.goes_through(split(backup["archive"]["start"])[0], position(backup["lsn"]["stop"]))
    ]
    return found or [fit[-1]]


def not_dated(fit: Sequence[dict[str, Any]], asked: dict[str, Any]) -> list[str]:
    """Why the backup to begin with is not known: neither a name nor a transaction says when it was."""
    if asked["type"] not in ("name", "xid") or asked["set"] or len(fit) == 1:
        return []
    if asked["type"] == "xid" and ends_before(fit[-1], asked["target"]):
        return []
    labels = ", ".join(backup["label"] for backup in fit)
    when_it_was = f"nothing says when the {asked['type']} {asked['target']} was, and so which backup ends before it"
    return [f"{when_it_was}: name one of {labels} with backup_restore_set"]


def recovery(backup: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Where recovery is to stop. A manifest stands for the exact position at which its rows were counted."""
    timeline = asked["timeline"]
    if asked["type"] == "manifest":
        return {"type": "lsn", "target": manifest_of(backup)["lsn"], "exclusive": True, "timeline": timeline}
    return {"type": asked["type"], "target": asked["target"], "exclusive": asked["exclusive"], "timeline": timeline}


def ends_too_late(backup: dict[str, Any], stop: dict[str, Any]) -> list[str]:
    """Why recovery cannot stop at the target: until the backup's end there is nothing that is whole."""
    if stop["type"] == "time" and backup["timestamp"]["stop"] > moment(stop["target"]):
        end = when(backup["timestamp"]["stop"])
    elif stop["type"] == "lsn" and position(backup["lsn"]["stop"]) > position(stop["target"]):
        end = backup["lsn"]["stop"]
    else:
        return []
    return [f"the target {stop['target']} lies before the end of backup {backup['label']}, {end}"]


def elsewhere(stop: dict[str, Any], archive: Archive) -> list[Stretch]:
    """What other timelines wrote and may hold the target, unless somebody said which timeline is meant."""
    if stop["timeline"] or stop["type"] == "latest":
        return []
    return [stretch for stretch in archive.left_behind() if may_hold(stretch, stop)]


def may_hold(stretch: Stretch, stop: dict[str, Any]) -> bool:
    """Whether the target may lie in what a timeline wrote after it was left; a name or a transaction may anywhere."""
    if stop["type"] == "time":
        return bool(stretch.since < moment(stop["target"]) <= stretch.until)
    if stop["type"] == "lsn":
        # Exactly where a timeline was left, the timelines differ in what comes next, and not in what came before.
        place = position(stop["target"])
        return bool(stretch.begins < place <= stretch.ends or (place == stretch.begins and not stop["exclusive"]))
    return bool(stretch.since < stretch.until)


def in_question(
    stretches: Sequence[Stretch], backup: dict[str, Any], asked: dict[str, Any]
) -> tuple[list[Stretch], list[Stretch]]:
    """Those that may be meant, and those that cannot: what does not come after the backup.

    A time or a position chose the backup itself, so there the backup says nothing, unless it was named.
    """
    if asked["type"] in ("time", "lsn") and not asked["set"]:
        return list(stretches), []
    line, number = split(backup["archive"]["stop"])
    after = [found for found in stretches if found.timeline >= line and found.begins // SEGMENT_BYTES >= number]
    return after, [found for found in stretches if found not in after]


def ambiguous(meant: Sequence[Stretch], stop: dict[str, Any], latest: int) -> list[str]:
    """Why it is not clear on which timeline the target lies."""
    ways = " or ".join(f"={line}" for line in [*(stretch.timeline for stretch in meant), latest])
    return [
        f"the target {stop['target']} may lie in what timeline {stretch.timeline} wrote from {lsn(stretch.begins)} to "
        f"{lsn(stretch.ends)} ({when(stretch.since)} to {when(stretch.until)}), which timeline {latest}, the latest, "
        f"does not have: say which is meant with backup_restore_timeline{ways}"
        for stretch in meant
    ]


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
    """The segments that recovery reads, and what is wrong with them. There is none if the target is before them all.

    Raises:
        RepositoryError: The backup is not on the history of the timeline.
    """
    first = split(backup["archive"]["start"])
    if not archive.goes_through(first[0], position(backup["lsn"]["stop"])):
        raise RepositoryError(
            f"backup {backup['label']} is on timeline {first[0]} and ends at {backup['lsn']['stop']}, which timeline "
            f"{archive.timeline} does not come from"
        )
    whole = archive.path(first)
    path = archive.path(first, position(stop["target"]) // SEGMENT_BYTES) if stop["type"] == "lsn" else whole
    problems = []
    if stop["type"] == "time":
        # A segment comes after the last write in it, so the first one that came after the target ends it.
        until = moment(stop["target"])
        came = [index for index, segment in enumerate(path) if archive.segments.get(segment, 0) >= until]
        if not came:
            newest = max((archive.segments.get(segment, 0) for segment in path), default=0)
            problems.append(
                f"the target {stop['target']} is not reached: the newest WAL in the repository came {when(newest)}"
            )
        else:
            path = path[: came[0] + 1]
    there = [segment for segment in whole if segment in archive.segments]
    missing = [segment for segment in path if segment not in archive.segments]
    beyond = [segment for segment in missing if stop["type"] == "lsn" and segment[1] > whole[-1][1]]
    if beyond:
        newest_wal = name_of(there[-1]) if there else "none"
        problems.append(f"the target {stop['target']} is not reached: the newest WAL there is {newest_wal}")
    holes = [name_of(segment) for segment in missing if segment not in beyond]
    if holes:
        problems.append(f"WAL is missing in the repository: {', '.join(holes[:5])} ({len(holes)} in all)")
    return path, problems


def databases_missing(asked: Sequence[str], there: Sequence[str] | None, label: str) -> list[str]:
    """The databases that were asked for and that the backup does not have; none where it is not known what it has."""
    missing = [name for name in asked if there is not None and name not in there]
    has = ", ".join(there or []) or "none"
    said = f"backup {label} has no database {', '.join(missing)}; it has {has}, beside those of the system"
    return [said] * bool(missing)


def room(size: int, segments: int, free: int) -> tuple[int, list[str]]:
    """How many bytes a restore needs, and whether there are as many."""
    needed = int(size * MARGIN) + min(segments * SEGMENT_BYTES, SPOOL_BYTES) + SEGMENT_BYTES * 4
    short = [f"too little disk: {needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free"] * (free < needed)
    return needed, short
