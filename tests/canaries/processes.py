"""What every process of this machine was told, by its arguments and its environment, while something ran.

Containers' processes are processes of this machine, so those of lab hosts are among them. It is a sample: a process
that begins and ends between two looks is not seen, nor is one that changes its arguments back in between. It looks
every few milliseconds; `longest_s` says how long it was blind at most.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import NamedTuple, Self

PROC = Path("/proc")
EVERY_S = 0.004
YOUNG_S = 0.3  # a process is forked first and becomes what it is a moment later
AGAIN_S = 1.0  # some change what they show


class Told(NamedTuple):
    """What a process was told, once for all that were told the same."""

    what: str
    program: str
    content: bytes

    @property
    def place(self) -> str:
        """Where it stood, without its words."""
        return f"{self.what} of a process {self.program}"


class Sampler:
    """Reads /proc in a thread for as long as the block lasts."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._told: dict[tuple[str, bytes], Told] = {}
        self._born: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.looks = 0
        self.longest_s = 0.0

    def __enter__(self) -> Self:
        self._look(everybody=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def told(self) -> list[Told]:
        """Everything that any process was told so far."""
        return list(self._told.values())

    @property
    def processes(self) -> int:
        """How many processes were seen."""
        return len(self._born)

    def _watch(self) -> None:
        all_again, before = time.monotonic() + AGAIN_S, time.monotonic()
        while not self._ended.is_set():
            now = time.monotonic()
            self.looks, self.longest_s, before = self.looks + 1, max(self.longest_s, now - before), now
            self._look(everybody=now >= all_again)
            if now >= all_again:
                all_again = now + AGAIN_S
            time.sleep(self._every_s)

    def _look(self, *, everybody: bool) -> None:
        now = time.monotonic()
        for name in filter(str.isdigit, os.listdir(PROC)):  # noqa: PTH208  # a fifth of the time
            if now - self._born.setdefault(name, now) < YOUNG_S or everybody:
                self._read(name)

    def _read(self, name: str) -> None:
        for what, file in (("the arguments", "cmdline"), ("the environment", "environ")):
            try:
                content = (PROC / name / file).read_bytes()
                if content and (what, content) not in self._told:
                    program = (PROC / name / "comm").read_text().strip()
                    self._told[what, content] = Told(what, program, content)
            except OSError:  # it has ended meanwhile
                return
