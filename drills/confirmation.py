"""Looks whether faults took, beside the story, so that the look does not lengthen the outage."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drills.faults import Fault
    from drills.run import Run


class Confirmations:
    """The looks that are under way in one run."""

    def __init__(self, run: Run) -> None:
        """What is seen is noted in the run's journal."""
        self._run = run
        self._threads: list[threading.Thread] = []

    def begin(self, fault: Fault) -> None:
        """Look in a thread; returns at once."""
        thread = threading.Thread(target=self._confirm, args=(fault,), name=f"confirm-{fault.host.name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    @property
    def done(self) -> bool:
        """Whether no look is under way."""
        return not any(thread.is_alive() for thread in self._threads)

    def wait(self) -> None:
        """Return once no look is under way; each has a limit of its own."""
        for thread in self._threads:
            thread.join()

    def _confirm(self, fault: Fault) -> None:
        try:
            seen = fault.confirm()
            kind, because = ("fault_confirmed" if seen.ok else "fault_unconfirmed"), seen.because
        except Exception as error:  # noqa: BLE001  # not known to have bitten is as good as not bitten
            kind, because = "fault_unconfirmed", f"the look itself failed: {error!r}"
        self._run.note(kind, fault=type(fault).__name__, host=fault.host.name, because=because)
