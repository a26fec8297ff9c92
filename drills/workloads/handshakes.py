"""The handshakes workload as a scenario names it: clients who open a new TLS connection each time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drills.journal import HANDSHAKES
from drills.workloads.endpoint import Endpoint
from drills.workloads.process import RunningWorkload, check_positive

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG = Path("logs", "handshakes.log")


@dataclass(frozen=True)
class Handshakes:
    """Clients who shake hands `per_second` times a second with the load balancer, and wait `timeout_s` each time.

    The inventory says with whom: bookings_tls_url, bookings_tls_address (where the name cannot be looked up), and
    certificate_authority_file (where the system's authorities do not hold). The name and the chain are verified each
    time, and a page is fetched through the connection.
    """

    per_second: float
    timeout_s: float
    name: str = "handshakes"

    @property
    def interval_s(self) -> float:
        """The time between two handshakes."""
        return 1 / self.per_second

    def start(
        self,
        run_dir: Path,
        event: str,  # noqa: ARG002  # nothing is booked
        variables: Mapping[str, object],
        anchor: float,
        environment: Mapping[str, str],
    ) -> RunningWorkload:
        """Start the process, and return once the first handshake is about to be made.

        Raises:
            UsageError: The inventory does not say with whom, or the process ended at once.
        """
        endpoint = Endpoint.of(variables)
        return RunningWorkload.started(
            "drills.workloads.handshake_client",
            [
                *("--host", endpoint.address, "--port", str(endpoint.port)),
                *("--server-name", endpoint.name, "--per-second", repr(self.per_second)),
                *(("--authority", endpoint.authority) if endpoint.authority else ()),
            ],
            ledger=run_dir.resolve() / HANDSHAKES,
            log=run_dir.resolve() / LOG,
            anchor=anchor,
            timeout_s=self.timeout_s,
            environment=environment,
        )


def handshakes(per_second: float = 20, *, timeout_s: float = 1.0) -> Handshakes:
    """Clients who open new TLS connections all the time.

    Raises:
        UsageError: The rate or the timeout is not a positive number.
    """
    check_positive("handshakes", per_second=per_second, timeout_s=timeout_s)
    return Handshakes(per_second, timeout_s)
