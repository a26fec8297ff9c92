"""The controller dies in the middle of a runbook: ansible-playbook is killed, with every process that it started."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from drills.probes.reading import Reading, look_until

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "ControllerKilled"
HOST = "controller"
_CONFIRM_SECONDS = 5.0


@dataclass
class ControllerKilled:
    """Waits for a task of a runbook that is under way, and kills the runbook's controller when it begins.

    Modules that run on hosts already are not touched: they go on, as they do when a controller loses its power.
    `announce` is called right before the harm. What undoes it is the runbook's own undo.
    """

    runbook: str
    at: str
    announce: Callable[[], None]
    _killed: list[psutil.Process] = field(default_factory=list)
    _group: int | None = None
    _refusal: str = ""

    @property
    def targets(self) -> tuple[str, ...]:
        """The runbook, and the task at which it is hit."""
        return (f"{self.runbook} at {self.at}",)

    @property
    def came(self) -> bool:
        """Whether the task began."""
        return self._group is not None or bool(self._refusal)

    def begins(self, task: str, pid: int) -> None:
        """A task of the ansible-playbook `pid` begins; if it is the one, the process ends here."""
        if task != self.at or self.came:
            return
        try:
            controller = psutil.Process(pid)
            if controller.ppid() != os.getpid():
                self._refusal = f"process {pid} was not started by this drill, and is left alone"
                return
            group = os.getpgid(pid)
        except (psutil.Error, OSError) as error:
            self._refusal = f"process {pid}: {error}"
            return
        self.announce()
        self._kill(controller, group)

    def confirm(self) -> Reading:
        """Every process of the group is gone, and so is everything that they had started."""
        return look_until(self._look, seconds=_CONFIRM_SECONDS)

    def _kill(self, controller: psutil.Process, group: int) -> None:
        """Freeze the whole tree first, so that nothing escapes by being started meanwhile.

        Ansible's workers lead sessions of their own, so the group alone would leave them at work.
        """
        self._group, self._killed = group, [controller]
        _quietly(controller.suspend)
        while fresh := _children(controller, self._killed):
            for process in fresh:
                _quietly(process.suspend)
            self._killed += fresh
        # pexpect gives each ansible-playbook a group of its own; ours must never be hit
        if group != os.getpgid(0):
            _quietly(lambda: os.killpg(group, signal.SIGKILL))
        for process in self._killed:
            _quietly(process.kill)

    def _look(self) -> Reading:
        if self._group is None:
            return Reading(ok=False, because=self._refusal or f"the task {self.at} never began")
        alive = [process.pid for process in self._killed if _is_alive(process)]
        what = f"process group {self._group} and {len(self._killed) - 1} processes that it had started"
        if alive:
            return Reading(ok=False, because=f"of {what} these still run: {', '.join(map(str, alive))}")
        return Reading(ok=True, because=f"{what} are gone")


def _children(controller: psutil.Process, known: list[psutil.Process]) -> list[psutil.Process]:
    try:
        return [process for process in controller.children(recursive=True) if process not in known]
    except psutil.Error:
        return []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _quietly(act: Callable[[], object]) -> None:
    """Do it to a process that may have ended by itself."""
    try:
        act()
    except (psutil.Error, OSError):
        return
