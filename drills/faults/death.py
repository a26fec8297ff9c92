"""A request that kills: the service answers it, and refuses every booking from then on."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request

from drills.faults.fault import FaultError, cure_of
from drills.probes.reading import Reading, look_until
from drills.request import ask

if TYPE_CHECKING:
    from drills.cure import Cure
    from drills.site import Host

CUSTOMER = "query-of-death"
APPLICATION_GROUP = "application"
SEATS = 10_000
# The balancer sends one request after the other to different hosts. Each round sends one more than the round before,
# so that no rhythm of the balancer's spares a host.
ROUNDS = 10
REFUSED_IN_A_ROW = 8
SERVER_ERROR = 500
_SECONDS = 2.0
_CONFIRM_SECONDS = 5.0


@dataclass(frozen=True)
class RequestOfDeath:
    """One customer's booking makes the live release refuse every booking after it, until it is restarted.

    `host` is the load balancer, through which the request is sent again until every live instance had it.
    """

    host: Host
    event: str = field(default_factory=lambda: f"{CUSTOMER}-{uuid.uuid4().hex[:12]}")
    _seats: list[int] = field(default_factory=lambda: [0], repr=False, compare=False)

    @property
    def targets(self) -> tuple[str, ...]:
        """Every instance that customers get."""
        return (f"the live release behind {self.host}, on every application host",)

    def inject(self) -> None:
        """Send it until fresh bookings are refused by all."""
        made = self._post("/v1/events", {"id": self.event, "seats": SEATS})
        if made >= SERVER_ERROR:
            raise FaultError(f"the event {self.event} could not be created: {made}")
        for number in range(1, ROUNDS + 1):
            for _ in range(number):
                self._book(CUSTOMER)
            if self._refusals().ok:
                return
        sent = sum(range(1, ROUNDS + 1))
        raise FaultError(f"after {sent} requests by {CUSTOMER} the service still takes bookings")

    def confirm(self) -> Reading:
        """Fresh bookings are answered with a server error, eight times in a row."""
        return look_until(self._refusals, seconds=_CONFIRM_SECONDS)

    def cure(self) -> Cure:
        """Restart the service on every application host."""
        return cure_of(self, "service_restarted", limit=APPLICATION_GROUP)

    def _refusals(self) -> Reading:
        for number in range(1, REFUSED_IN_A_ROW + 1):
            try:
                status = self._book("a customer")
            except FaultError as error:
                return Reading(ok=False, because=str(error))
            if status < SERVER_ERROR:
                return Reading(ok=False, because=f"booking {number} of {REFUSED_IN_A_ROW} was answered with {status}")
        return Reading(ok=True, because=f"{REFUSED_IN_A_ROW} bookings in a row were answered with a server error")

    def _book(self, customer: str) -> int:
        """Ask for a fresh seat; HTTP's status."""
        self._seats[0] += 1
        return self._post("/v1/bookings", {"event": self.event, "seat": self._seats[0], "customer": customer})

    def _post(self, path: str, body: dict[str, object]) -> int:
        url = str(self.host.variables.get("bookings_url", "")).rstrip("/")
        if not url:
            raise FaultError(f"{self.host} has no bookings_url in the inventory")
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"{self.event}-{self._seats[0]}"}
        request = Request(f"{url}{path}", json.dumps(body).encode(), headers)  # noqa: S310  # the inventory's URL
        try:
            with ask(request, timeout=_SECONDS) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code
        except OSError as error:
            raise FaultError(f"{url}{path}: {error}") from error
