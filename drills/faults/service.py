"""A service dies, or stops in the middle of everything without dying."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drills.connection import UnreachableError
from drills.faults.fault import FaultError, cure_of
from drills.probes.reading import Reading, look_until

if TYPE_CHECKING:
    from drills.cure import Cure
    from drills.site import Host

_SECONDS = 5.0
_CONFIRM_SECONDS = 3.0


@dataclass(frozen=True)
class ServiceKilled:
    """Every process of a systemd unit is killed with SIGKILL."""

    host: Host
    service: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The unit on its host."""
        return (f"{self.service} on {self.host}",)

    def inject(self) -> None:
        """Kill all processes of the unit."""
        _signal(self.host, self.service, "SIGKILL")

    def confirm(self) -> Reading:
        """The unit has failed: it was killed, and nothing has started it again."""
        return look_until(self._look, seconds=_CONFIRM_SECONDS)

    def cure(self) -> Cure:
        """Start the unit."""
        return cure_of(self, "service_started", {"cure_service": self.service})

    def _look(self) -> Reading:
        try:
            answer = self.host.ssh.run(
                f"systemctl show --property=ActiveState,Result -- {shlex.quote(self.service)}",
                timeout=_SECONDS,
            )
        except UnreachableError as error:
            return Reading(ok=False, because=str(error))
        seen = dict(line.partition("=")[::2] for line in answer.out.splitlines())
        dead = seen.get("ActiveState") in {"failed", "inactive"}
        return Reading(dead, f"{self.service} is {seen.get('ActiveState')} (result {seen.get('Result')})")


@dataclass(frozen=True)
class ServiceFrozen:
    """Every process of a systemd unit is stopped with SIGSTOP: it holds its connections and says nothing."""

    host: Host
    service: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The unit on its host."""
        return (f"{self.service} on {self.host}",)

    def inject(self) -> None:
        """Stop all processes of the unit."""
        _signal(self.host, self.service, "SIGSTOP")

    def confirm(self) -> Reading:
        """Every process of the unit is in state T, and there is at least one."""
        return look_until(self._look, seconds=_CONFIRM_SECONDS)

    def cure(self) -> Cure:
        """Let the unit's processes go on."""
        return cure_of(self, "service_resumed", {"cure_service": self.service})

    def _look(self) -> Reading:
        unit = self.service if "." in self.service else f"{self.service}.service"
        command = (
            f"for p in /proc/[0-9]*; do grep -qsF -- {shlex.quote('/' + unit)} $p/cgroup "
            "&& sed -n 's/^State:[[:space:]]*\\([A-Z]\\).*/\\1/p' $p/status; done 2>/dev/null; true"
        )
        try:
            states = self.host.ssh.run(command, timeout=_SECONDS).out.split()
        except UnreachableError as error:
            return Reading(ok=False, because=str(error))
        stopped = states.count("T")
        return Reading(
            bool(states) and stopped == len(states),
            f"{stopped} of {len(states)} processes of {unit} are stopped",
        )


def _signal(host: Host, service: str, signal: str) -> None:
    command = f"sudo -n systemctl kill --signal={signal} -- {shlex.quote(service)}"
    try:
        answer = host.ssh.run(command, timeout=_SECONDS)
    except UnreachableError as error:
        raise FaultError(str(error)) from error
    if answer.exit_code != 0:
        raise FaultError(f"{command} on {host}: {answer.err.strip()}")
