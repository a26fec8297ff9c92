"""The forger against the service's own verification of tokens: with the key, a wrong one, and one that is revoked."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from drills.errors import UsageError
from drills.workloads.forgeries import forgeries
from drills.workloads.forgery_client import VICTIM, meaning
from drills.workloads.workload import Setting
from lab.bookings.bearer import BadToken, verify
from lab.bookings.secret import SigningKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from drills.forgeries import Forgery, ForgeryLedger
    from drills.journal import Journal
    from drills.workloads.forgeries import Forgeries

ANCHOR = 0.0
KID = "k1"


def pem(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@dataclass
class Gate:
    """Verifies tokens as the service does, in a thread; its mood is well, mute or broken (503)."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    trusts: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    mood: str = "well"
    port: int = 0
    customers: set[str] = field(default_factory=set)

    def open(self) -> None:
        self.trusts = {KID: self.key}
        ready = threading.Event()
        threading.Thread(target=asyncio.run, args=(self._serve(ready),), daemon=True).start()
        ready.wait()

    def revoke(self) -> None:
        self.trusts = {"k2": Ed25519PrivateKey.generate()}

    async def _serve(self, ready: threading.Event) -> None:
        app = web.Application()
        app.add_routes([web.get("/v1/bookings", self._answer)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        ready.set()
        await asyncio.Event().wait()

    async def _answer(self, request: web.Request) -> web.Response:
        if self.mood == "mute":
            await asyncio.sleep(5)
        if self.mood == "broken":
            return web.json_response({"error": "database_unavailable"}, status=503)
        current = next(iter(self.trusts))
        public = {kid: key.public_key() for kid, key in self.trusts.items()}
        try:
            bearer = verify(SigningKeys(current, self.trusts[current], public), request.headers["Authorization"])
        except BadToken as error:
            return web.json_response({"error": "bad_token", "because": str(error)}, status=401)
        self.customers.add(bearer.customer)
        return web.json_response({"bookings": [], "next": None})


@pytest.fixture
def gate() -> Gate:
    gate = Gate()
    gate.open()
    return gate


@pytest.fixture
def forger(gate: Gate, run_dir: Path) -> Iterator[Forgeries]:
    forger = forgeries(per_second=20, timeout_s=0.5)
    running = forger.start(Setting(run_dir, "e", {"bookings_url": f"http://127.0.0.1:{gate.port}"}, ANCHOR, os.environ))
    yield forger
    running.stop()


def ended(forger: Forgeries, read: Callable[[], Journal]) -> ForgeryLedger:
    assert forger._running is not None
    assert forger._running.stop() == 0
    found = read().forgeries
    assert found is not None
    assert found.closed is not None
    return found


def outcomes(those: tuple[Forgery, ...]) -> set[tuple[str, str]]:
    return {(one.outcome, one.because) for one in those}


def test_without_a_key_nothing_is_forged_and_nothing_is_missed(forger: Forgeries, read: Callable[[], Journal]) -> None:
    time.sleep(0.5)
    ledger = ended(forger, read)
    assert (ledger.forgeries, ledger.learned) == ((), None)
    assert forger.accepted() == 0


def test_a_forger_with_the_key_is_taken_for_somebody_else_until_it_is_revoked(
    forger: Forgeries, gate: Gate, read: Callable[[], Journal]
) -> None:
    forger.learn(KID, pem(gate.key))
    time.sleep(1)
    assert forger.accepted() > 5
    moment = time.monotonic() - ANCHOR
    gate.revoke()
    time.sleep(1)
    ledger = ended(forger, read)

    assert gate.customers == {VICTIM}
    assert ledger.learned is not None
    assert ledger.learned["kid"] == KID
    assert outcomes(tuple(one for one in ledger.forgeries if (one.ended or 0) < moment)) == {("accepted", "")}
    after = tuple(one for one in ledger.forgeries if one.moment > moment)
    assert len(after) > 5
    assert outcomes(after) == {("refused", "unknown key")}


def test_a_wrong_key_opens_nothing(forger: Forgeries, read: Callable[[], Journal]) -> None:
    forger.learn(KID, pem(Ed25519PrivateKey.generate()))
    time.sleep(0.5)
    assert outcomes(ended(forger, read).forgeries) == {("refused", "not valid")}
    assert forger.accepted() == 0


@pytest.mark.parametrize(("mood", "because"), [("mute", "TimeoutError"), ("broken", "503 ")])
def test_who_does_not_answer_has_not_refused(
    forger: Forgeries, gate: Gate, read: Callable[[], Journal], mood: str, because: str
) -> None:
    gate.mood = mood
    forger.learn(KID, pem(gate.key))
    time.sleep(1)
    found = ended(forger, read).forgeries
    assert {one.outcome for one in found} == {"unanswered"}
    assert all(one.because.startswith(because) for one in found)


def test_the_key_is_in_no_file_argument_or_environment(forger: Forgeries, gate: Gate, run_dir: Path) -> None:
    forger.learn(KID, pem(gate.key))
    time.sleep(0.5)
    assert forger.accepted() > 0
    assert forger._running is not None
    process = Path("/proc", str(forger._running.pid))
    told = b"".join((process / name).read_bytes() for name in ("cmdline", "environ"))
    forger._running.stop()
    told += b"".join(path.read_bytes() for path in run_dir.rglob("*") if path.is_file())
    secret = pem(gate.key).splitlines()[1].encode()
    assert KID.encode() in told
    assert secret not in told
    assert b"eyJ" not in told, "a forged token is a secret as well: it is good for years"


def test_what_is_no_key_ends_the_forger_and_is_not_told(forger: Forgeries, run_dir: Path) -> None:
    forger.learn(KID, "only-for-this-test")
    assert forger._running is not None
    assert forger._running.process.wait(10) != 0
    assert "only-for-this-test" not in (run_dir / "logs" / "forgeries.log").read_text()
    with pytest.raises(UsageError, match="has ended"):
        forger.learn(KID, "x")


def test_a_key_that_nobody_waits_for_is_not_given_away() -> None:
    with pytest.raises(UsageError, match="nobody is there"):
        forgeries().learn(KID, "x")


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"bookings": []}, "accepted"),
        (401, {"error": "bad_token", "because": "unknown key"}, "refused"),
        (401, {"error": "bad_signature"}, "unanswered"),
        (403, {"error": "bad_token"}, "unanswered"),
        (503, {"error": "database_unavailable"}, "unanswered"),
        (401, [], "unanswered"),
        (302, None, "unanswered"),
    ],
)
def test_only_the_services_own_word_is_a_refusal(status: int, body: object, outcome: str) -> None:
    assert meaning(status, json.dumps(body).encode())[0] == outcome
    assert meaning(401, b"<html>")[0] == "unanswered"


@pytest.mark.parametrize("rate", [0, -1, float("inf")])
def test_a_rate_that_is_no_rate_is_refused_at_once(rate: float) -> None:
    with pytest.raises(UsageError, match="not a positive number"):
        forgeries(per_second=rate)
