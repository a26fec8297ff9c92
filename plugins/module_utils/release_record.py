"""The record of releases: which served, which proved healthy, which was left. One line of JSON for each event."""

from __future__ import annotations

import fcntl
import json
import os
import re
from typing import Any

PATH = "/var/lib/haproxy/releases.jsonl"
EVENTS = ("begun", "switched", "healthy", "left")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Event = dict[str, Any]


def read(path: str) -> list[Event]:
    """All events, oldest first. A line that is torn, because the power went while it was written, is no event."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return events(file.read())
    except FileNotFoundError:
        return []


def events(text: str) -> list[Event]:
    """The events in the text of a record."""
    found = (_event(line) for line in text.splitlines())
    return [event for event in found if event is not None]


def _event(line: str) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and {"event", "release"} <= event.keys() else None


def append(path: str, event: Event) -> None:
    """Adds one event and returns when it is on the disk. What two write at the same time does not mix."""
    is_new = not os.path.exists(path)
    with open(path, "ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
        # After a torn line a new one begins.
        torn = end and file.read(1) != b"\n"
        file.write((b"\n" if torn else b"") + json.dumps(event).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def healthy(record: list[Event]) -> list[str]:
    """The releases that proved healthy and were not left, the one that serves or served last at the end.

    A release that proves healthy again is the last one: those that came after it were rolled back from.
    """
    stack: list[str] = []
    for event in record:
        release = event["release"]
        if event["event"] == "healthy":
            stack = [*stack[: stack.index(release)], release] if release in stack else [*stack, release]
        elif event["event"] == "left":
            stack = [each for each in stack if each != release]
    return stack


def previous(record: list[Event], live: str | None) -> str | None:
    """The release to go back to from `live`; None when the record knows none.

    While a deploy was begun that has not sent customers anywhere, it is `live` itself: they have left nothing yet.
    """
    last = record[-1] if record else {"event": None}
    if last["event"] in ("begun", "switched") and live is not None and last["release"] != live:
        return live
    return next((release for release in reversed(healthy(record)) if release != live), None)


def served_last(record: list[Event], colour: str | None) -> str | None:
    """The release that customers were switched to last, when that was this colour's turn."""
    mine = [event for event in record if event.get("colour") in (None, colour)]
    switched = [event["release"] if event["event"] == "switched" else event.get("to") for event in mine]
    return next((release for release in reversed(switched) if release), None)
