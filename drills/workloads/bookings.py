"""The bookings workload as a scenario names it, and its process as the engine holds it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from drills.errors import UsageError
from drills.journal import LEDGER
from drills.workloads.ledger import LedgerTail, Rate

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG = Path("logs", "workload.log")
RUN_VARIABLE = "DRILLBOOK_RUN"
START_WITHIN_S = 20.0
END_WITHIN_S = 5.0
LOOK_AGAIN_AFTER_S = 0.05


@dataclass(frozen=True)
class Workload:
    """Customers who book `per_second` times a second and wait `timeout_s` for each answer."""

    name: str
    per_second: float
    interval_s: float
    timeout_s: float

    def start(
        self, run_dir: Path, event: str, url: str, anchor: float, environment: Mapping[str, str]
    ) -> RunningWorkload:
        """Start the process, and return once its event exists and its first customer is about to book.

        Args:
            run_dir: The run's folder; its name is the run's id, by which an orphan can be found.
            event: The event to create and to book seats of.
            url: The bookings service, such as http://10.1.2.10.
            anchor: The raw monotonic second that counts as zero in this run.
            environment: The variables of the process, to which DRILLBOOK_RUN is added.

        Raises:
            UsageError: The process ended at once: the service cannot be reached, or refuses the event.
        """
        log = run_dir.resolve() / LOG
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            process = subprocess.Popen(
                self._command(run_dir, event, url, anchor),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=_environment(environment, run_dir),
                start_new_session=True,  # Ctrl-C is for the drill, which then ends this process in order
            )
        running = RunningWorkload(self, process, run_dir.resolve(), anchor)
        running.await_opening()
        return running

    def _command(self, run_dir: Path, event: str, url: str, anchor: float) -> list[str]:
        return [
            *(sys.executable, "-m", "drills.workloads.client"),
            *("--url", url),
            *("--event", event),
            *("--per-second", repr(self.per_second)),
            *("--timeout", repr(self.timeout_s)),
            *("--anchor", repr(anchor)),
            *("--ledger", str(run_dir.resolve() / LEDGER)),
        ]


def bookings(per_second: float = 50, *, timeout_s: float = 1.0) -> Workload:
    """Customers who book all the time, whatever happens to the service.

    Raises:
        UsageError: The rate or the timeout is not a positive number.
    """
    for name, value in (("per_second", per_second), ("timeout_s", timeout_s)):
        if not 0 < value < float("inf"):
            raise UsageError(f"bookings({name}={value}) is not a positive number", f"set {name} to 1, say")
    return Workload("bookings", per_second, 1 / per_second, timeout_s)


@dataclass
class RunningWorkload:
    """The process of a workload, held by its standard input: it ends when we end."""

    workload: Workload
    process: subprocess.Popen[bytes]
    run_dir: Path
    anchor: float
    _tail: LedgerTail = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._tail = LedgerTail(self.run_dir / LEDGER)

    @property
    def pid(self) -> int:
        """The process's id; it leads a session of its own."""
        return self.process.pid

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def rate(self) -> Rate:
        """Good and bad answers of the last second; cheap, as it reads only what was added to the ledger."""
        return self._tail.rate(time.monotonic() - self.anchor)

    def stop(self) -> int:
        """Have it end in good order, with force where it does not.

        Returns:
            Its exit code: 0 after an orderly end, negative if a signal was needed.
        """
        if self.process.stdin is not None:
            self.process.stdin.close()  # it takes the end of its input as the word to end
        for harder in (self.process.terminate, self.process.kill):
            try:
                return self.process.wait(self.workload.timeout_s + END_WITHIN_S)
            except subprocess.TimeoutExpired:
                harder()
        return self.process.wait()

    def await_opening(self) -> None:
        """Return once the ledger is opened.

        Raises:
            UsageError: The process ended before, or did nothing for twenty seconds.
        """
        until = time.monotonic() + START_WITHIN_S
        ledger = self.run_dir / LEDGER
        while not (ledger.is_file() and ledger.stat().st_size):
            if not self.alive() or time.monotonic() > until:
                self.stop()
                raise self._failure()
            time.sleep(LOOK_AGAIN_AFTER_S)

    def _failure(self) -> UsageError:
        """What the process said last, in its own two lines where it said them."""
        log = self.run_dir / LOG
        said = log.read_text(errors="replace").rstrip()
        cause, _, hint = said.rpartition("error: ")[2].partition("\nHINT: ")
        if not hint:
            cause = f"the workload ended with exit code {self.process.returncode} before its first booking"
            hint = f"read {log}"
        return UsageError(cause, hint)


def _environment(environment: Mapping[str, str], run_dir: Path) -> dict[str, str]:
    """The given variables, the run's id, and a path on which this very package is found."""
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (package, environment.get("PYTHONPATH"))))
    return {**environment, "PYTHONPATH": path, RUN_VARIABLE: run_dir.resolve().name}
