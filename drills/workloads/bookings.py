"""The bookings workload as a scenario names it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drills.errors import UsageError
from drills.journal import LEDGER
from drills.workloads.endpoint import Endpoint
from drills.workloads.workload import Setting, Workload

if TYPE_CHECKING:
    from collections.abc import Mapping

URL_VARIABLE = "bookings_url"
PROVIDER_VARIABLE = "bookings_payment_provider_file"


@dataclass
class Bookings(Workload):
    """Customers who book, and wait for each answer.

    Those who are signed in show their tokens with every request, and what they book is paid for: the payment
    provider signs its webhooks with the secret in the file that the inventory's bookings_payment_provider_file names.
    Those who come `over_tls` verify the service's certificate with each request; see drills.workloads.handshakes for
    what the inventory must say.
    """

    signed_in: bool
    over_tls: bool

    NAME = "bookings"
    MODULE = "drills.workloads.client"
    LEDGER = LEDGER

    def words(self, setting: Setting) -> list[str]:
        """What they book, where, and who pays."""
        return [
            *("--event", setting.event),
            *(_endpoint_words if self.over_tls else url_words)(setting.variables),
            *(("--payment-provider", _provider(setting.variables)) if self.signed_in else ()),
        ]


def url_words(variables: Mapping[str, object]) -> list[str]:
    """Where the service is without TLS, as the inventory says it."""
    return ["--url", str(variables.get(URL_VARIABLE, ""))]


def _endpoint_words(variables: Mapping[str, object]) -> list[str]:
    endpoint = Endpoint.of(variables)
    url = f"https://{endpoint.name}:{endpoint.port}"
    return ["--url", url, "--address", endpoint.address, *endpoint.trusting()]


def _provider(variables: Mapping[str, object]) -> str:
    if not (path := variables.get(PROVIDER_VARIABLE)):
        raise UsageError(
            f"the inventory has no {PROVIDER_VARIABLE}, so nobody can pay",
            f'set {PROVIDER_VARIABLE} to a file of this machine with {{"id": …, "secret": …}}',
        )
    return str(path)


def bookings(
    per_second: float = 50, *, timeout_s: float = 1.0, signed_in: bool = False, over_tls: bool = False
) -> Bookings:
    """Customers who book all the time, whatever happens to the service.

    `signed_in` ones sign in first, and pay; those who come `over_tls` open a new connection for each request.

    Raises:
        UsageError: The rate or the timeout is not a positive number.
    """
    return Bookings(per_second, timeout_s, signed_in, over_tls)
