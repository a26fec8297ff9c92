"""How the process of a workload ends: in good order on SIGTERM, on a line "stop", and when its parent has died."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Ending:
    """The word to end, from whoever says it first; a crash is kept so that it can be raised."""

    def __init__(self) -> None:
        self.said = asyncio.Event()
        self.crash: BaseException | None = None

    def crashed(self, error: BaseException) -> None:
        """End because a part of this process failed."""
        self.crash = self.crash or error
        self.said.set()

    def listen(self, hear: Callable[[bytes], None] = lambda _: None) -> None:
        """Heed SIGTERM, SIGINT and the standard input, of which `hear` gets each line that is not the word to end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.said.set)
        loop.set_exception_handler(self._heed_broken_callback)
        threading.Thread(target=self._hear_input, args=(loop, hear), daemon=True).start()

    def _heed_broken_callback(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # a tick that raises would end the ticks in silence; what connections leave behind is only logged
        if "handle" in context and isinstance(error := context.get("exception"), BaseException):
            self.crashed(error)
        else:
            loop.default_exception_handler(context)

    def _hear_input(self, loop: asyncio.AbstractEventLoop, hear: Callable[[bytes], None]) -> None:
        for line in _lines():
            if line == b"stop":
                break
            loop.call_soon_threadsafe(hear, line)
        if not loop.is_closed():
            loop.call_soon_threadsafe(self.said.set)


def _lines() -> Iterator[bytes]:
    """The whole lines of the standard input, up to its end."""
    heard = b""
    # os.read, not sys.stdin: a daemon thread that holds sys.stdin's lock breaks the interpreter's exit
    while added := os.read(0, 4096):
        *lines, heard = (heard + added).split(b"\n")
        yield from lines
