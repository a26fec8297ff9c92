"""What a customer sees who opens a TLS connection."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from drills.errors import UsageError
from drills.probes.reading import Probe, Reading
from drills.workloads.endpoint import Endpoint
from drills.workloads.trust import Trust

if TYPE_CHECKING:
    from drills.probes.reading import View

SECONDS = 3.0


def certificate_lasts(at_least: timedelta) -> Probe:
    """A new handshake with the load balancer is good, and the certificate is good for so long from now on."""

    def look(view: View) -> Reading:
        try:
            endpoint = Endpoint.of(view.site.variables)
            left = _left(endpoint)
        except UsageError as error:
            return Reading(ok=False, because=error.message)
        except OSError as error:
            return Reading(ok=False, because=f"{endpoint.name} at {endpoint.address}:{endpoint.port}: {error}")
        return Reading(left >= at_least, f"the certificate of {endpoint.name} is good for another {left}")

    return Probe("certificate_lasts", look)


def _left(endpoint: Endpoint) -> timedelta:
    """How long the certificate that is shown is good for.

    Raises:
        UsageError: The inventory's file of whom to trust cannot be read.
        OSError: There is no good handshake.
    """
    context = Trust(Path(endpoint.authority) if endpoint.authority else None).context
    with (
        socket.create_connection((endpoint.address, endpoint.port), timeout=SECONDS) as connection,
        context.wrap_socket(connection, server_hostname=endpoint.name) as secured,
    ):
        shown = secured.getpeercert() or {}
    return timedelta(seconds=round(ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()))
