"""Watches who leads, all the time: two looks a second at every database host, each of them noted."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from drills.probes.database import Look, look, names_by_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from drills.site import Host

LOOK_EVERY_SECONDS = 0.5
# The console costs the controller a process for each look, so it is asked less often.
CONSOLE_EVERY_SECONDS = 1.0
_STOP_SECONDS = 10.0


class LeadershipWatch:
    """One thread per host, so that a dead host does not hold up the look at the others."""

    def __init__(self, hosts: Iterable[Host], note: Callable[[Look], None]) -> None:
        """`note` is called with every look, from several threads."""
        self._hosts = list(hosts)
        self._note = note
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to look; returns at once."""
        names = names_by_address(self._hosts)
        for host in self._hosts:
            thread = threading.Thread(target=self._watch, args=(host, names), name=f"watch-{host.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Look no more; returns when the looks under way have ended, or after ten seconds."""
        self._ended.set()
        until = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.0))

    def _watch(self, host: Host, names: dict[str, str]) -> None:
        reachable = True
        while not self._ended.is_set():
            began = time.monotonic()
            seen = self._look(host, names, by_console=not reachable)
            if not self._ended.is_set():
                self._note(seen)
            reachable = seen.state not in {"off", "unreachable"} and "by the console" not in seen.because
            every = LOOK_EVERY_SECONDS if reachable else CONSOLE_EVERY_SECONDS
            self._ended.wait(max(began + every - time.monotonic(), 0.0))

    def _look(self, host: Host, names: dict[str, str], *, by_console: bool) -> Look:
        try:
            return look(host, names, by_console=by_console)
        except Exception as error:  # noqa: BLE001  # a watch that dies would look like a host at peace
            return Look(host.name, "unreachable", None, None, f"the look itself failed: {error!r}")
