"""The machine is cut off from every other one, and goes on running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drills.connection import port_is_open
from drills.faults.fault import FaultError, cure_of
from drills.out_of_band import OutOfBandError
from drills.probes.reading import Reading, look_until

if TYPE_CHECKING:
    from drills.cure import Cure
    from drills.site import Host

TABLE = "inet drillbook_isolation"
_CONSOLE_SECONDS = 10.0
_CONFIRM_SECONDS = 5.0
# A network that is well answers within a round trip; customers wait while we look.
_TRY_SECONDS = 0.3

# One transaction. The priority lies before connection tracking, so that open connections are cut as well.
_CUT = f"""nft -f - <<'END'
table {TABLE}
delete table {TABLE}
table {TABLE} {{
  chain input {{ type filter hook input priority -300; policy drop; iif lo accept; }}
  chain output {{ type filter hook output priority -300; policy drop; oif lo accept; }}
  chain forward {{ type filter hook forward priority -300; policy drop; }}
}}
END"""


@dataclass(frozen=True)
class HostIsolated:
    """The machine's network drops everything, in and out, open connections too; its programs go on.

    `still_running` names a systemd unit that must be seen running inside, else the fault was another one.
    """

    host: Host
    still_running: str | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """The machine's network."""
        return (f"network of {self.host}",)

    def inject(self) -> None:
        """Cut the network at the machine's console."""
        try:
            answer = self.host.out_of_band.run(_CUT, timeout=_CONSOLE_SECONDS)
        except OutOfBandError as error:
            raise FaultError(str(error)) from error
        if answer.exit_code != 0:
            raise FaultError(f"nft on {self.host}: {answer.err.strip()}")

    def confirm(self) -> Reading:
        """Nobody answers at the SSH port, and the machine still runs."""
        return look_until(self._look, seconds=_CONFIRM_SECONDS)

    def cure(self) -> Cure:
        """Take the cut away at the console."""
        return cure_of(self, "host_reconnected")

    def _look(self) -> Reading:
        ssh = self.host.ssh
        if port_is_open(ssh.address, ssh.port, timeout=_TRY_SECONDS):
            return Reading(ok=False, because=f"port {ssh.port} of {ssh.address} still answers")
        unit = self.still_running
        try:
            inside = self.host.out_of_band.run(
                f"systemctl is-active -- {unit}" if unit else "true", timeout=_CONSOLE_SECONDS
            )
        except OutOfBandError as error:
            return Reading(ok=False, because=str(error))
        runs = f"{unit} is {inside.out.strip()} inside" if unit else "its console answers"
        return Reading(inside.exit_code == 0, f"port {ssh.port} of {ssh.address} does not answer; {runs}")
