"""The handshakes workload as a scenario names it: clients who open a new TLS connection each time."""

from __future__ import annotations

from dataclasses import dataclass

from drills.journal import HANDSHAKES
from drills.workloads.endpoint import Endpoint
from drills.workloads.workload import Setting, Workload


@dataclass
class Handshakes(Workload):
    """Clients who shake hands with the load balancer, and wait for the handshake and a page.

    The inventory says with whom: bookings_tls_url, bookings_tls_address (where the name cannot be looked up), and
    certificate_authority_file (where the system's authorities do not hold). The name and the chain are verified each
    time, and a page is fetched through the connection.
    """

    NAME = "handshakes"
    MODULE = "drills.workloads.handshake_client"
    LEDGER = HANDSHAKES

    def words(self, setting: Setting) -> list[str]:
        """With whom they shake hands."""
        endpoint = Endpoint.of(setting.variables)
        return [
            *("--host", endpoint.address, "--port", str(endpoint.port), "--server-name", endpoint.name),
            *endpoint.trusting(),
        ]


def handshakes(per_second: float = 20, *, timeout_s: float = 1.0) -> Handshakes:
    """Clients who open new TLS connections all the time.

    Raises:
        UsageError: The rate or the timeout is not a positive number.
    """
    return Handshakes(per_second, timeout_s)
