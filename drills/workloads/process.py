"""The process of a workload as the engine holds it: started with the run's id, ended in good order."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from drills.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUN_VARIABLE = "DRILLBOOK_RUN"
START_WITHIN_S = 20.0
END_WITHIN_S = 5.0
LOOK_AGAIN_AFTER_S = 0.05


@dataclass
class RunningWorkload:
    """The process of a workload, held by its standard input: it ends when we end."""

    process: subprocess.Popen[bytes]
    ledger: Path
    log: Path
    anchor: float
    timeout_s: float

    @classmethod
    def started(  # noqa: PLR0913  # what a process is made of, each once
        cls,
        module: str,
        words: Sequence[str],
        *,
        ledger: Path,
        log: Path,
        anchor: float,
        timeout_s: float,
        environment: Mapping[str, str],
    ) -> Self:
        """Start `python -m module words…`, and return once its ledger is opened.

        Raises:
            UsageError: It ended before, or did nothing for twenty seconds.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        own = ["--anchor", repr(anchor), "--ledger", str(ledger)]
        with log.open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *words, *own],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=_environment(environment, ledger.parent),
                start_new_session=True,  # Ctrl-C is for the drill, which then ends this process in order
            )
        running = cls(process, ledger, log, anchor, timeout_s)
        running.await_opening()
        return running

    @property
    def pid(self) -> int:
        """The process's id; it leads a session of its own."""
        return self.process.pid

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def tell(self, line: bytes) -> None:
        """Hand a line over through the process's standard input: no disk, argument or environment has it.

        Raises:
            UsageError: The process has ended.
        """
        pipe = self.process.stdin
        try:
            if pipe is None or pipe.closed or os.write(pipe.fileno(), line + b"\n") <= len(line):
                raise BrokenPipeError
        except OSError:
            raise UsageError("the workload has ended, so nothing can be told to it", f"read {self.log}") from None

    def stop(self) -> int:
        """Have it end in good order, with force where it does not.

        Returns:
            Its exit code: 0 after an orderly end, negative if a signal was needed.
        """
        if self.process.stdin is not None:
            self.process.stdin.close()  # it takes the end of its input as the word to end
        for harder in (self.process.terminate, self.process.kill):
            try:
                return self.process.wait(self.timeout_s + END_WITHIN_S)
            except subprocess.TimeoutExpired:
                harder()
        return self.process.wait()

    def await_opening(self) -> None:
        """Return once the ledger is opened.

        Raises:
            UsageError: The process ended before, or did nothing for twenty seconds.
        """
        until = time.monotonic() + START_WITHIN_S
        while not (self.ledger.is_file() and self.ledger.stat().st_size):
            if not self.alive() or time.monotonic() > until:
                self.stop()
                raise self._failure()
            time.sleep(LOOK_AGAIN_AFTER_S)

    def _failure(self) -> UsageError:
        """What the process said last, in its own two lines where it said them."""
        said = self.log.read_text(errors="replace").rstrip()
        cause, _, hint = said.rpartition("error: ")[2].partition("\nHINT: ")
        if not hint:
            cause = f"the workload ended with exit code {self.process.returncode} before it had begun"
            hint = f"read {self.log}"
        return UsageError(cause, hint)


def _environment(environment: Mapping[str, str], run_dir: Path) -> dict[str, str]:
    """The given variables, the run's id, and a path on which this very package is found."""
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (package, environment.get("PYTHONPATH"))))
    return {**environment, "PYTHONPATH": path, RUN_VARIABLE: run_dir.name}
