"""What every workload's process is told on its command line, and how it says that the order is wrong."""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from drills.errors import UsageError
from drills.workloads.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

EXIT_USAGE = 64


def obey(work: Callable[[], None]) -> int:
    """Run the workload until it is told to end.

    Returns:
        0 after an orderly end, 64 when the order was wrong or the system could not be reached.
    """
    try:
        work()
    except UsageError as error:
        print(error, file=sys.stderr)  # noqa: T201  # the process's only word to its parent
        return EXIT_USAGE
    return 0


class Parser(argparse.ArgumentParser):
    """The command line of a workload's process, with what all have in common."""

    def __init__(self, module: str, description: str) -> None:
        super().__init__(prog=f"python -m {module}", description=description)
        self.add_argument("--per-second", type=positive, required=True, help="ticks per second")
        self.add_argument("--timeout", type=positive, default=1.0, help="how long a client waits (s)")
        self.add_argument("--anchor", type=float, required=True, help="the monotonic second that counts as zero")
        self.add_argument("--ledger", type=Path, required=True, help="the file to create")

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the order."""
        raise UsageError(message, f"{self.prog} --help")


def positive(text: str) -> float:
    """The number in the text, if it is positive and finite."""
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError(text)
    return value


def open_ledger(path: Path, anchor: float, /, *, per_second: float, timeout_s: float, **facts: str | float) -> Ledger:
    """Create the ledger and note in it how often clients come, how long they wait, and the `facts` of whom they reach.

    Raises:
        UsageError: It cannot be created, or is there already.
    """
    try:
        ledger = Ledger(path, anchor)
    except OSError as error:
        raise UsageError(f"cannot create the ledger {path}: {error.strerror}", "name a folder of a new run") from error
    pace = {"per_second": per_second, "interval_s": 1 / per_second, "timeout_s": timeout_s}
    ledger.note("opened", t=ledger.clock(), **pace, pid=os.getpid(), **facts)
    return ledger
