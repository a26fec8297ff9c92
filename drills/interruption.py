"""Ctrl-C and SIGTERM: heeded at the next safe moment, and never in the middle of a heal."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NAP_SECONDS = 0.05


class StoppedError(Exception):
    """Somebody asked the drill to stop; the text says who."""


class Interruption:
    """Keeps a signal until somebody checks, so that no line of the journal is torn by an exception.

    Use it as a context manager in the main thread; the handlers found before are put back afterwards.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` gets one line for the people who watch."""
        self._say = say
        self._before: dict[signal.Signals, object] = {}
        self.requested: str | None = None
        self.healing = False

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._heed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # it came from signal.signal

    def check(self) -> None:
        """Raise if a signal came in; call it between steps.

        Raises:
            StoppedError: A signal came in, and no heal is going on.
        """
        if self.requested is not None and not self.healing:
            raise StoppedError(self.requested)

    def nap(self, seconds: float = _NAP_SECONDS) -> None:
        """Wait a moment, and check.

        Raises:
            StoppedError: A signal came in.
        """
        time.sleep(seconds)
        self.check()

    def _heed(self, number: int, _: FrameType | None) -> None:
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        self.requested = self.requested or name
        if self.healing:
            self._say(f"{name}: healing goes on, so that no fault is left behind")
        else:
            self._say(f"{name}: the drill stops, and heals what it hurt")
