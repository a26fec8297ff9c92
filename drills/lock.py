"""One drill at a time per environment."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from drills import checkout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class LockedError(Exception):
    """Another process holds the environment; the text says which, and since when."""


@contextmanager
def environment_lock(environment: str, purpose: str) -> Iterator[None]:
    """Hold the environment for as long as the block lasts; the lock dies with its process.

    Raises:
        LockedError: Another process holds it.
    """
    path = _path(environment)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(f"{environment} is held by {_holder(path)}") from error
        file.truncate(0)
        note = {
            "pid": os.getpid(),
            "user": getpass.getuser(),
            "controller": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            "purpose": purpose,
        }
        file.write(json.dumps(note))
        file.flush()
        yield
        file.truncate(0)


def _path(environment: str) -> Path:
    folder = checkout.home() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in environment)
    return folder / f"{safe}.lock"


def _holder(path: Path) -> str:
    try:
        note = json.loads(path.read_text())
    except ValueError:
        return "another process"
    return f"{note['user']} on {note['controller']} for {note['purpose']} (pid {note['pid']}) since {note['since']}"
