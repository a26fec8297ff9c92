"""A service dies, or stops in the middle of everything without dying."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from drills.connection import UnreachableError
from drills.faults.fault import FaultError, cure_of
from drills.probes.reading import Reading, look_until

if TYPE_CHECKING:
    from drills.cure import Cure
    from drills.site import Host

_SECONDS = 5.0
_CONFIRM_SECONDS = 3.0


@dataclass(frozen=True)
class _ServiceSignalled(ABC):
    """Every process of a systemd unit gets `SIGNAL`; `CURE` is the playbook in `drills/faults/cures` that undoes it."""

    host: Host
    service: str

    SIGNAL: ClassVar[str]
    CURE: ClassVar[str]

    @property
    def targets(self) -> tuple[str, ...]:
        """The unit on its host."""
        return (f"{self.service} on {self.host}",)

    def inject(self) -> None:
        """Send the signal to all processes of the unit."""
        command = f"sudo -n systemctl kill --signal={self.SIGNAL} -- {shlex.quote(self.service)}"
        try:
            answer = self.host.ssh.run(command, timeout=_SECONDS)
        except UnreachableError as error:
            raise FaultError(str(error)) from error
        if answer.exit_code != 0:
            raise FaultError(f"{command} on {self.host}: {answer.err.strip()}")

    def confirm(self) -> Reading:
        """Look until it shows."""
        return look_until(self._look, seconds=_CONFIRM_SECONDS)

    def cure(self) -> Cure:
        """What undoes it, on the host."""
        return cure_of(self, self.CURE, {"cure_service": self.service})

    def _look(self) -> Reading:
        try:
            return self._seen()
        except UnreachableError as error:
            return Reading(ok=False, because=str(error))

    @abstractmethod
    def _seen(self) -> Reading:
        """What the host says of it."""


@dataclass(frozen=True)
class ServiceKilled(_ServiceSignalled):
    """Every process of a systemd unit is killed: the unit has failed, and nothing has started it again."""

    SIGNAL: ClassVar[str] = "SIGKILL"
    CURE: ClassVar[str] = "service_started"

    def _seen(self) -> Reading:
        command = f"systemctl show --property=ActiveState,Result -- {shlex.quote(self.service)}"
        answer = self.host.ssh.run(command, timeout=_SECONDS)
        seen = dict(line.partition("=")[::2] for line in answer.out.splitlines())
        dead = seen.get("ActiveState") in {"failed", "inactive"}
        return Reading(dead, f"{self.service} is {seen.get('ActiveState')} (result {seen.get('Result')})")


@dataclass(frozen=True)
class ServiceFrozen(_ServiceSignalled):
    """Every process of a systemd unit is stopped, and there is one at least: it holds its connections, says nothing."""

    SIGNAL: ClassVar[str] = "SIGSTOP"
    CURE: ClassVar[str] = "service_resumed"

    def _seen(self) -> Reading:
        unit = self.service if "." in self.service else f"{self.service}.service"
        command = (
            f"for p in /proc/[0-9]*; do grep -qsF -- {shlex.quote('/' + unit)} $p/cgroup "
            "&& sed -n 's/^State:[[:space:]]*\\([A-Z]\\).*/\\1/p' $p/status; done 2>/dev/null; true"
        )
        states = self.host.ssh.run(command, timeout=_SECONDS).out.split()
        stopped = states.count("T")
        return Reading(
            bool(states) and stopped == len(states),
            f"{stopped} of {len(states)} processes of {unit} are stopped",
        )
