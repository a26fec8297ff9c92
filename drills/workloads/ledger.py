"""What the customers sent and were told: an append-only file of JSON lines, and its tail for a live view.

One process alone writes a ledger. Each line reaches the file by a single write, so that a process that is
killed leaves at most its last line torn.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# nothing counts before its fsync, and nothing hurries to count: a short wait shares one fsync among several
LINGER_S = 0.05

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Ledger:
    """An append-only file of JSON lines; `t` is in seconds since the run's anchor."""

    def __init__(self, path: Path, anchor: float, *, fsync: Callable[[int], None] = os.fsync) -> None:
        """Create the file; `anchor` is the raw monotonic second that counts as zero.

        Raises:
            FileExistsError: The ledger is there already; it has one writer, once.
        """
        self._anchor = anchor
        self._fsync = fsync
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name has to last as well as the content
        finally:
            os.close(folder)

    def clock(self, moment: float | None = None) -> float:
        """Seconds since the run's anchor, now or at a raw monotonic moment."""
        return round((time.monotonic() if moment is None else moment) - self._anchor, 6)

    def note(self, kind: str, **fields: Any) -> None:  # noqa: ANN401  # the values are JSON's
        """Append one whole line; it survives this process at once, and the machine after `sync`.

        Raises:
            OSError: The disk refused the line, or took only a part of it.
        """
        line = _encode({"kind": kind, **fields}).encode() + b"\n"
        written = os.write(self._file, line)
        if written != len(line):
            raise OSError(f"the ledger took {written} of {len(line)} bytes of a line: the disk is full")

    def sync(self) -> None:
        """Return once every line noted so far is on the disk."""
        self._fsync(self._file)

    def close(self) -> None:
        """Bring all lines to the disk and close the file."""
        self.sync()
        os.close(self._file)


class GroupCommit:
    """Lets many lines share one fsync, made in a thread so that the event loop never waits for the disk."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fsync")
        self._waiting: asyncio.Future[None] | None = None
        self._rounds: asyncio.Task[None] | None = None

    async def durable(self) -> None:
        """Return once every line noted before this call is on the disk.

        Raises:
            OSError: The disk failed; nothing noted since the last success may count.
        """
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        waiting = self._waiting
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._sync_in_rounds())
        await asyncio.shield(waiting)

    def close(self) -> None:
        """End the thread, after the fsync it may be busy with."""
        self._thread.shutdown()

    async def _sync_in_rounds(self) -> None:
        """Sync for all who wait; who comes while the disk is busy shares the next round."""
        loop = asyncio.get_running_loop()
        while self._waiting is not None:
            await asyncio.sleep(LINGER_S)
            waiting, self._waiting = self._waiting, None
            try:
                await loop.run_in_executor(self._thread, self._ledger.sync)
            except OSError as error:
                waiting.set_exception(error)
            else:
                waiting.set_result(None)
        self._rounds = None


class Rate(NamedTuple):
    """How many answers of the last second were good, and how many were bad or could not be asked for."""

    good: int
    bad: int


class LedgerTail:
    """Follows a ledger while it grows; each look reads only what was added since the last one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._torn = b""
        self._answers: deque[tuple[float, bool]] = deque()

    def new_lines(self) -> list[dict[str, Any]]:
        """The lines added since the last call; a line that is not whole yet is kept for the next."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(added)
        *whole, self._torn = (self._torn + added).split(b"\n")
        return [json.loads(line) for line in whole]

    def rate(self, now: float) -> Rate:
        """Good and bad answers of the second before `now`, in seconds since the run's anchor."""
        for line in self.new_lines():
            if line["kind"] in {"answered", "missed"}:
                self._answers.append((line["t"], line.get("good") is True))
        while self._answers and self._answers[0][0] < now - 1.0:
            self._answers.popleft()
        good = sum(1 for _, is_good in self._answers if is_good)
        return Rate(good, len(self._answers) - good)
