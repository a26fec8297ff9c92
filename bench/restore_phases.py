"""Where the time of a restore goes, by the tasks of its playbook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drills.runbook import Task

PLAN = ("Plan the restore from repository",)
FILES = ("Restore backup",)
RECOVERY = ("Start recovery", "Wait until it has recovered")
CHECKS = ("Prove that the restored cluster is whole",)


class PhaseError(Exception):
    """The playbook has no task of a phase, so its time cannot be told."""


@dataclass(frozen=True)
class Restored:
    """One run of backup_restore.yml, in seconds.

    `start` is until its first task, `plan` the look into the repository, `files` pgBackRest, `recovery` from the start
    of the server to the last look at it, and `rest` every other check and preparation.
    """

    total: float
    start: float
    plan: float
    files: float
    recovery: float

    @property
    def rest(self) -> float:
        """What is none of the phases."""
        return self.total - self.start - self.plan - self.files - self.recovery

    @property
    def fixed(self) -> float:
        """What does not depend on how much is restored: everything but the files and the recovery."""
        return self.total - self.files - self.recovery


@dataclass(frozen=True)
class Verified:
    """One run of backup_verify.yml, in seconds; `checks` is the module that makes them."""

    total: float
    checks: float


def restored(tasks: Sequence[Task], began: float, ended: float) -> Restored:
    """The phases of a restore that ran from `began` to `ended`, on the clock of the tasks.

    Raises:
        PhaseError: A phase has no task.
    """
    return Restored(
        total=ended - began,
        start=min((task.started for task in tasks), default=ended) - began,
        plan=_spent(tasks, PLAN),
        files=_spent(tasks, FILES),
        recovery=_spent(tasks, RECOVERY),
    )


def verified(tasks: Sequence[Task], began: float, ended: float) -> Verified:
    """The phases of a verification.

    Raises:
        PhaseError: Nothing was checked.
    """
    return Verified(ended - began, _spent(tasks, CHECKS))


def _spent(tasks: Sequence[Task], names: tuple[str, ...]) -> float:
    done = [task for task in tasks if task.task.rpartition(" : ")[2].startswith(names) and task.outcome != "skipped"]
    missing = [name for name in names if not any(task.task.rpartition(" : ")[2].startswith(name) for task in done)]
    if missing:
        raise PhaseError(
            f"no task {missing[0]!r} was run; bench/restore_phases.py names it otherwise than the playbook"
        )
    return sum(task.ended - task.started for task in done)
