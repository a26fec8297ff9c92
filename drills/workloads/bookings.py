"""The bookings workload as a scenario names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drills.errors import UsageError
from drills.journal import LEDGER
from drills.workloads.endpoint import Endpoint
from drills.workloads.process import RunningWorkload, check_positive

if TYPE_CHECKING:
    from collections.abc import Mapping

BOOKINGS = "bookings"
LOG = Path("logs", "workload.log")
URL_VARIABLE = "bookings_url"
PROVIDER_VARIABLE = "bookings_payment_provider_file"


@dataclass(frozen=True)
class Bookings:
    """Customers who book `per_second` times a second and wait `timeout_s` for each answer.

    Those who are signed in show their tokens with every request, and what they book is paid for: the payment
    provider signs its webhooks with the secret in the file that the inventory's bookings_payment_provider_file names.
    Those who come `over_tls` verify the service's certificate with each request; see drills.workloads.handshakes for
    what the inventory must say.
    """

    per_second: float
    timeout_s: float
    signed_in: bool
    over_tls: bool
    name: str = BOOKINGS

    @property
    def interval_s(self) -> float:
        """The time between two ticks."""
        return 1 / self.per_second

    def start(
        self,
        run_dir: Path,
        event: str,
        variables: Mapping[str, object],
        anchor: float,
        environment: Mapping[str, str],
    ) -> RunningWorkload:
        """Start the process, and return once its event exists and its first customer is about to book.

        Raises:
            UsageError: The process ended at once: the service cannot be reached, or refuses the event; or the
                inventory does not say where the payment provider finds its secret, or how to come over TLS.
        """
        words = ["--event", event, "--per-second", repr(self.per_second)]
        words += _endpoint_words(variables) if self.over_tls else ["--url", str(variables.get(URL_VARIABLE, ""))]
        if self.signed_in:
            words += ["--payment-provider", self._provider(variables)]
        return RunningWorkload.started(
            "drills.workloads.client",
            words,
            ledger=run_dir.resolve() / LEDGER,
            log=run_dir.resolve() / LOG,
            anchor=anchor,
            timeout_s=self.timeout_s,
            environment=environment,
        )

    @staticmethod
    def _provider(variables: Mapping[str, object]) -> str:
        if not (path := variables.get(PROVIDER_VARIABLE)):
            raise UsageError(
                f"the inventory has no {PROVIDER_VARIABLE}, so nobody can pay",
                f'set {PROVIDER_VARIABLE} to a file of this machine with {{"id": …, "secret": …}}',
            )
        return str(path)


def _endpoint_words(variables: Mapping[str, object]) -> list[str]:
    endpoint = Endpoint.of(variables)
    words = ["--url", f"https://{endpoint.name}:{endpoint.port}", "--address", endpoint.address]
    return [*words, *(("--authority", endpoint.authority) if endpoint.authority else ())]


def bookings(
    per_second: float = 50, *, timeout_s: float = 1.0, signed_in: bool = False, over_tls: bool = False
) -> Bookings:
    """Customers who book all the time, whatever happens to the service.

    `signed_in` ones sign in first, and pay; those who come `over_tls` open a new connection for each request.

    Raises:
        UsageError: The rate or the timeout is not a positive number.
    """
    check_positive("bookings", per_second=per_second, timeout_s=timeout_s)
    return Bookings(per_second, timeout_s, signed_in, over_tls)
