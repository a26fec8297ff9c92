"""The machine loses its power."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drills.connection import port_is_open
from drills.faults.fault import FaultError, cure_of
from drills.out_of_band import OutOfBandError
from drills.probes.reading import Reading, look_until

if TYPE_CHECKING:
    from drills.cure import Cure
    from drills.site import Host

_CONFIRM_SECONDS = 5.0
# A network that is well answers within a round trip; customers wait while we look.
_TRY_SECONDS = 0.3


@dataclass(frozen=True)
class HostPoweredOff:
    """The machine goes off at once and stays off; what it had not written is gone."""

    host: Host
    _moment: list[float] = field(default_factory=list, repr=False, compare=False)

    @property
    def moment(self) -> float:
        """When the power was taken, in seconds since 1970; 0 as long as it is not."""
        return self._moment[0] if self._moment else 0.0

    @property
    def targets(self) -> tuple[str, ...]:
        """The machine."""
        return (f"power of {self.host}",)

    def inject(self) -> None:
        """Take the power away, past the machine's own network."""
        self._moment[:] = [time.time()]
        try:
            self.host.out_of_band.power_off()
        except OutOfBandError as error:
            raise FaultError(str(error)) from error

    def confirm(self) -> Reading:
        """The power is off and nobody answers at the SSH port."""
        return look_until(self._look, seconds=_CONFIRM_SECONDS)

    def cure(self) -> Cure:
        """Give the power back and wait for SSH."""
        return cure_of(self, "host_powered_on")

    def _look(self) -> Reading:
        try:
            power = self.host.out_of_band.power_state()
        except OutOfBandError as error:
            return Reading(ok=False, because=str(error))
        ssh = self.host.ssh
        answers = port_is_open(ssh.address, ssh.port, timeout=_TRY_SECONDS)
        port = f"port {ssh.port} of {ssh.address} {'still answers' if answers else 'does not answer'}"
        return Reading(power == "off" and not answers, f"power is {power}, {port}")
