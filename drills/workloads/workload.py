"""A workload as a scenario names it: clients of the system, and where one run has them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from drills.errors import UsageError
from drills.workloads.process import RunningWorkload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOGS = Path("logs")


@dataclass(frozen=True)
class Setting:
    """Where and when clients come in one run.

    `run_dir` is the run's folder; its name is the run's id, by which an orphan can be found. `event` is the name of
    what is booked. `variables` are those of the inventory that hold for all hosts; they say where the system is.
    `anchor` is the raw monotonic second that counts as zero. The process gets `environment`, and DRILLBOOK_RUN.
    """

    run_dir: Path
    event: str
    variables: Mapping[str, object]
    anchor: float
    environment: Mapping[str, str]


@dataclass
class Workload(ABC):
    """Clients who do something `per_second` times a second, and wait `timeout_s` each time.

    `NAME` is what they do, in one word, `MODULE` the program that does it, and `LEDGER` the file of the run's folder
    in which it notes each attempt.
    """

    per_second: float
    timeout_s: float

    NAME: ClassVar[str]
    MODULE: ClassVar[str]
    LEDGER: ClassVar[str]

    def __post_init__(self) -> None:
        """Raise UsageError unless the rate and the timeout are positive numbers."""
        for name, value in {"per_second": self.per_second, "timeout_s": self.timeout_s}.items():
            if not 0 < value < float("inf"):
                raise UsageError(f"{self.NAME}({name}={value}) is not a positive number", f"set {name} to 1, say")

    @property
    def interval_s(self) -> float:
        """The time between two of them."""
        return 1 / self.per_second

    @abstractmethod
    def words(self, setting: Setting) -> Sequence[str]:
        """What the program is told besides its pace: whom to reach, and how.

        Raises:
            UsageError: The inventory does not say enough.
        """

    def start(self, setting: Setting) -> RunningWorkload:
        """Start the process, and return once it is about to begin.

        Raises:
            UsageError: The process ended at once, or the inventory does not say enough.
        """
        folder = setting.run_dir.resolve()
        return RunningWorkload.started(
            self.MODULE,
            [*self.words(setting), "--per-second", repr(self.per_second), "--timeout", repr(self.timeout_s)],
            ledger=folder / self.LEDGER,
            log=folder / LOGS / f"{self.NAME}.log",
            anchor=setting.anchor,
            timeout_s=self.timeout_s,
            environment=setting.environment,
        )
