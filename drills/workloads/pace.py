"""An open loop: requests leave on a fixed grid of due times, whatever became of those before."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

GIVE_UP_AFTER_S = 1.0


class Pace:
    """Calls `send` at each due time of the grid, or `miss` where the moment has passed.

    A tick that comes late, because this process itself was held up, is sent at once and the next ones keep
    their due times; more than a second late it is missed. No tick is dropped silently.
    """

    def __init__(
        self, interval_s: float, send: Callable[[int, float], None], miss: Callable[[float, str], None]
    ) -> None:
        """Keep `send(tick, due)` and `miss(due, because)`; due times are raw monotonic seconds."""
        self._interval_s = interval_s
        self._send = send
        self._miss = miss
        self._first = 0.0
        self._tick = 0
        self._alarm: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Make now the first due time of the grid."""
        self._first = time.monotonic()
        self._ring()

    def stop(self) -> None:
        """Call nobody from now on."""
        if self._alarm is not None:
            self._alarm.cancel()

    def _ring(self) -> None:
        # call_at rather than a task that sleeps: it is the cheapest clock that asyncio has, and loop.time()
        # is time.monotonic()
        while (due := self._first + self._tick * self._interval_s) <= (now := time.monotonic()):
            if now - due > GIVE_UP_AFTER_S:
                self._miss(due, f"{now - due:.3f} s late: the workload itself was held up")
            else:
                self._send(self._tick, due)
            self._tick += 1
        self._alarm = asyncio.get_running_loop().call_at(due, self._ring)
