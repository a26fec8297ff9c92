#!/usr/bin/python
"""Try one instance of the bookings service before customers do."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bookings_smoke
short_description: Try one instance of the bookings service before customers do
description:
  - Waits until the instance is ready, warms it with reads, and then books and pays a seat through its HTTP interface.
  - It uses nothing of the release under test. What the release says of itself is not believed.
  - What it books is in an event of its own. Give each run another one, for a seat that is paid stays sold.
author: Drillbook
options:
  url:
    description: Where the instance listens, without a path.
    type: str
    required: true
  webhook_secret:
    description: What payments are signed with.
    type: str
    required: true
  event:
    description: The event to book in. It is opened with one seat.
    type: str
    required: true
  release:
    description: The release that must answer, V(sha256:) and its digest. Not asked for when it is empty.
    type: str
    default: ""
  unit:
    description: The systemd unit of the instance, asked how often it was restarted when it does not get ready.
    type: str
    default: ""
  warm:
    description: How many reads warm it up.
    type: int
    default: 20
  ready_within:
    description: Seconds until it must be ready.
    type: float
    default: 30.0
  timeout:
    description: Seconds to wait for each answer.
    type: float
    default: 2.0
  max_seconds:
    description: Seconds that each step of the test itself may take.
    type: float
    default: 1.0
attributes:
  check_mode:
    support: full
    description: Nothing is tried then, for a trial writes.
"""

EXAMPLES = r"""
- name: Try green on its own host
  bookings_smoke:
    url: http://127.0.0.1:8002
    webhook_secret: "{{ bookings_webhook_secrets[0].secret }}"
    event: "smoke-{{ inventory_hostname }}-{{ now(utc=true, fmt='%s') }}"
"""

RETURN = r"""
steps:
  description: What was tried, in order, and how long each took. In a failure the last one is the one that failed.
  returned: always
  type: list
  elements: dict
  sample: [{step: ready, seconds: 0.8}, {step: warm, seconds: 0.1}, {step: alive, seconds: 0.004}]
"""

import hashlib
import hmac
import http.client
import json
import time
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.bookings_instance import Answer, Instance

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = {
    "url": {"type": "str", "required": True},
    "webhook_secret": {"type": "str", "required": True, "no_log": True},
    "event": {"type": "str", "required": True},
    "release": {"type": "str", "default": ""},
    "unit": {"type": "str", "default": ""},
    "warm": {"type": "int", "default": 20},
    "ready_within": {"type": "float", "default": 30.0},
    "timeout": {"type": "float", "default": 2.0},
    "max_seconds": {"type": "float", "default": 1.0},
}
PAUSE_SECONDS = 0.2
UNTIMED = 3  # steps at the start that may take as long as they need
HOLD_SECONDS = 60  # until it is paid for, a moment later
CUSTOMER = "smoke"


class RefusedError(Exception):
    """The instance must not get customers; the message says what it answered."""


def require(answer: Answer, *statuses: int, because: str = "", **fields: object) -> dict[str, Any]:
    """The body of the answer, if its status is one of these and its fields have these values."""
    if answer.status not in statuses:
        raise RefusedError(f"{answer}, and not {' or '.join(map(str, statuses))}{because}")
    body: dict[str, Any] = answer.body
    for name, value in fields.items():
        if body.get(name) != value:
            raise RefusedError(f"{answer}, where {name} is not {value!r}{because}")
    return body


class Trial:
    """The steps of the test, in order; each is done or raises RefusedError."""

    def __init__(self, instance: Instance, asked: dict[str, Any]) -> None:
        self._instance, self._asked = instance, asked
        self._wish = {"event": asked["event"], "seat": 0, "customer": CUSTOMER, "hold_seconds": HOLD_SECONDS}
        self._key = str(uuid.uuid4())
        self._booking = ""
        self._token = ""

    def ready(self) -> None:
        """It says that it is ready, in time."""
        deadline = time.monotonic() + self._asked["ready_within"]
        while (answer := self._instance.ask("GET", "/readyz")).status != http.client.OK:
            if time.monotonic() >= deadline:
                raise RefusedError(f"not ready within {self._asked['ready_within']:g} s: {answer}")
            time.sleep(PAUSE_SECONDS)

    def release(self) -> None:
        """The release that runs is the one that is meant."""
        if self._asked["release"]:
            require(self._instance.ask("GET", "/version"), 200, digest=self._asked["release"])

    def warm(self) -> None:
        """The first reads, which open connections to the database, are not a customer's."""
        for _ in range(self._asked["warm"]):
            require(self._page(), 200)

    def alive(self) -> None:
        """It says that it is alive."""
        require(self._instance.ask("GET", "/healthz"), 200)

    def metrics(self) -> None:
        """Its requests can be counted."""
        answer = self._instance.ask("GET", "/metrics")
        require(answer, 200)
        if "bookings_requests_total" not in answer.text:
            raise RefusedError(f"{answer}, without bookings_requests_total")

    def event(self) -> None:
        """An event can be opened."""
        require(self._post("/v1/events", {"id": self._asked["event"], "seats": 1}), 200, 201)

    def book(self) -> None:
        """A seat can be booked, and is held until it is paid for."""
        self._booking = str(require(self._book(), 201).get("booking", ""))
        if not self._booking:
            raise RefusedError("201 without a booking")

    def repeat(self) -> None:
        """The same request again gives the same booking."""
        require(self._book(), 200, booking=self._booking)

    def sign_in(self) -> None:
        """A customer can sign in, and is served with the token."""
        signed_in = require(self._post("/v1/sign-in", {"customer": CUSTOMER}), 200)
        self._token = str(signed_in.get("token", ""))
        require(self._page(Authorization=f"Bearer {self._token}"), 200, because=", the answer to its own token")

    def forged_token(self) -> None:
        """A token whose signature is another one is refused."""
        forged = self._token.rpartition(".")[0] + "." + "A" * 86
        require(self._page(Authorization=f"Bearer {forged}"), 401, because=", the answer to a forged token")

    def forged_payment(self) -> None:
        """A payment that somebody else signed is refused."""
        require(self._pay("not the secret"), 401, because=", the answer to a badly signed payment")

    def payment(self) -> None:
        """A payment that is signed well confirms the booking."""
        require(self._pay(self._asked["webhook_secret"]), 200, outcome="confirmed")

    def read_back(self) -> None:
        """The booking is among those of the event."""
        answer = self._page()
        found = require(answer, 200).get("bookings", [])
        if {"key": self._key, "seat": 0, "booking": self._booking} not in found:
            raise RefusedError(f"{answer}, without the booking {self._booking}")

    def _page(self, **headers: str) -> Answer:
        return self._instance.ask("GET", f"/v1/bookings?event={quote(self._asked['event'], safe='')}", **headers)

    def _post(self, path: str, body: dict[str, Any], **headers: str) -> Answer:
        return self._instance.ask("POST", path, json.dumps(body).encode(), Content_Type="application/json", **headers)

    def _book(self) -> Answer:
        return self._post("/v1/bookings", self._wish, Idempotency_Key=self._key)

    def _pay(self, secret: str) -> Answer:
        body = {"payment": f"smoke-{self._key}", "booking": self._booking}
        signature = hmac.new(secret.encode(), json.dumps(body).encode(), hashlib.sha256).hexdigest()
        return self._post("/v1/webhooks/payments", body, X_Signature=f"sha256={signature}")


def steps(trial: Trial) -> list[Callable[[], None]]:
    """The test, in order; the untimed ones come first."""
    start = [trial.ready, trial.release, trial.warm, trial.alive, trial.metrics, trial.event]
    sale = [trial.book, trial.repeat, trial.forged_payment, trial.payment, trial.read_back]
    return [*start, *sale, trial.sign_in, trial.forged_token]


def attempt(trial: Trial, max_seconds: float, taken: list[dict[str, Any]]) -> None:
    """Does the steps and notes in `taken` how long each took, the failed one included.

    Raises:
        RefusedError: A step failed, or took too long.
    """
    for number, step in enumerate(steps(trial)):
        started = time.monotonic()
        try:
            step()
        finally:
            taken.append({"step": step.__name__, "seconds": round(time.monotonic() - started, 3)})
        if number >= UNTIMED and taken[-1]["seconds"] > max_seconds:
            raise RefusedError(f"right, but after {taken[-1]['seconds']} s; {max_seconds:g} s are allowed")


def restarts(module: AnsibleModule) -> str:
    """How often systemd started the instance again, in words; nothing when it cannot be found out."""
    unit = module.params["unit"]
    if not unit:
        return ""
    _, count, _ = module.run_command(["systemctl", "show", "--property=NRestarts", "--value", unit])
    return f"; systemd restarted {unit} {count.strip()} times" if count.strip().isdigit() else ""


def main() -> None:
    """Tries the instance, and fails with the step and the answer."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    if module.check_mode:
        module.exit_json(changed=False, steps=[])
    asked = module.params
    taken: list[dict[str, Any]] = []
    try:
        attempt(Trial(Instance(asked["url"], asked["timeout"]), asked), asked["max_seconds"], taken)
    except RefusedError as error:
        step = taken[-1]["step"]
        often = restarts(module) if step == "ready" else ""
        hint = f"journalctl -n 50 --unit {asked['unit']}" if asked["unit"] else f"curl -i {asked['url']}/readyz"
        module.fail_json(
            msg=f"{asked['url']} must not get customers: step {step}: {error}{often}. HINT: {hint}", steps=taken
        )
    module.exit_json(changed=True, steps=taken)


if __name__ == "__main__":
    main()
