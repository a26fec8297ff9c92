"""The process that shakes hands, against a real TLS server whose certificates are good or bad in one way."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from drills.errors import UsageError
from drills.workloads.handshakes import handshakes
from drills.workloads.workload import Setting
from tests.workloads.authority import DAY, NAME, Authority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from drills.handshakes import HandshakeLedger
    from drills.journal import Journal
    from drills.workloads.process import RunningWorkload

ANCHOR = 0.0


@dataclass
class Door:
    """A TLS server in a thread; its mood is well, mute, slam (hangs up at once) or broken (answers 503)."""

    certificate: Path
    mood: str = "well"
    port: int = 0
    context: ssl.SSLContext = field(init=False)

    def show(self, certificate: Path) -> None:
        """Show another certificate from now on, in a context of its own: one in use would mix both for a moment."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        self.context = context

    def open(self) -> None:
        self.show(self.certificate)
        ready = threading.Event()
        threading.Thread(target=asyncio.run, args=(self._serve(ready),), daemon=True).start()
        ready.wait()

    async def _serve(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mood == "slam":
            writer.transport.abort()
            return
        if self.mood == "mute":
            await asyncio.sleep(5)
        try:
            await writer.start_tls(self.context)
            await reader.readuntil(b"\r\n\r\n")
            status = b"503 Sorry" if self.mood == "broken" else b"200 OK"
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        except (OSError, EOFError):
            return
        finally:
            writer.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def door(authority: Authority) -> Door:
    door = Door(authority.certificate()[0])
    door.open()
    return door


@pytest.fixture
def start(run_dir: Path, authority: Authority) -> Iterator[Callable[..., RunningWorkload]]:
    running: list[RunningWorkload] = []

    def start_one(port: int, *, timeout_s: float = 1.0) -> RunningWorkload:
        workload = handshakes(per_second=20, timeout_s=timeout_s)
        running.append(workload.start(Setting(run_dir, "", variables(port, authority.path), ANCHOR, os.environ)))
        return running[0]

    yield start_one
    for one in running:
        one.stop()


def variables(port: int, authority: Path) -> dict[str, object]:
    """What the inventory says of the door."""
    at = {"bookings_tls_url": f"https://{NAME}:{port}", "bookings_tls_address": "127.0.0.1"}
    return {**at, "certificate_authority_file": str(authority)}


def seen(read: Callable[[], Journal]) -> HandshakeLedger:
    found = read().handshakes
    assert found is not None
    return found


def test_every_handshake_is_good_and_a_renewed_certificate_is_seen_in_order(
    start: Callable[..., RunningWorkload], door: Door, authority: Authority, read: Callable[[], Journal]
) -> None:
    running = start(door.port)
    time.sleep(1)
    renewed, serial = authority.certificate()
    door.show(renewed)
    time.sleep(1)
    assert running.stop() == 0

    ledger = seen(read)
    assert {one.outcome for one in ledger.handshakes} == {"good"}
    assert ledger.closed is not None
    assert ledger.closed["attempted"] == len(ledger.handshakes) > 20
    serials = list(dict.fromkeys(one.serial for one in ledger.handshakes))
    assert len(serials) == 2
    assert int(str(serials[1]), 16) == serial
    assert all(0 < (one.took_s or 0) < 1 for one in ledger.handshakes)


def test_a_new_authority_is_trusted_from_when_the_machine_is_told_of_it(
    start: Callable[..., RunningWorkload], door: Door, authority: Authority, tmp_path: Path, read: Callable[[], Journal]
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "other")
    running = start(door.port)
    time.sleep(0.5)
    with authority.path.open("ab") as file:
        file.write(other.path.read_bytes())
    renewed, serial = other.certificate()
    door.show(renewed)
    time.sleep(0.5)
    running.stop()

    found = seen(read).handshakes
    assert {one.outcome for one in found} == {"good"}
    assert int(str(found[-1].serial), 16) == serial


@pytest.mark.parametrize(
    "bad",
    [
        ("wrong_name", {"name": "somebody.test"}),
        ("expired", {"begin": -2 * DAY, "end": -DAY}),
        ("not_yet_valid", {"begin": DAY, "end": 2 * DAY}),
    ],
)
def test_a_certificate_that_is_bad_in_one_way_is_named(
    start: Callable[..., RunningWorkload],
    door: Door,
    authority: Authority,
    read: Callable[[], Journal],
    bad: tuple[str, dict[str, Any]],
) -> None:
    outcome, fields = bad
    door.show(authority.certificate(**fields)[0])
    running = start(door.port)
    time.sleep(0.5)
    running.stop()

    found = seen(read).handshakes
    assert {(one.outcome, one.good, one.fingerprint) for one in found} == {(outcome, False, None)}
    assert all(one.because for one in found)


def test_a_certificate_of_somebody_else_is_untrusted(
    start: Callable[..., RunningWorkload], door: Door, tmp_path: Path, read: Callable[[], Journal]
) -> None:
    (tmp_path / "other").mkdir()
    door.show(Authority(tmp_path / "other").certificate()[0])
    running = start(door.port)
    time.sleep(0.5)
    running.stop()

    assert {one.outcome for one in seen(read).handshakes} == {"untrusted"}


@pytest.mark.parametrize(("mood", "outcome"), [("mute", "timeout"), ("slam", "reset"), ("broken", "answer")])
def test_a_server_that_misbehaves_is_named(
    start: Callable[..., RunningWorkload], door: Door, read: Callable[[], Journal], mood: str, outcome: str
) -> None:
    running = start(door.port, timeout_s=0.5)
    time.sleep(0.5)
    door.mood = mood
    moment = time.monotonic() - ANCHOR
    time.sleep(1)
    running.stop()

    after = [one for one in seen(read).handshakes if one.moment > moment + 0.1]
    assert after
    assert {one.outcome for one in after} == {outcome}
    assert all(one.good for one in seen(read).handshakes if one.moment < moment - 0.6)


def test_nobody_there_is_refused(start: Callable[..., RunningWorkload], read: Callable[[], Journal]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        running = start(taken.getsockname()[1])
        time.sleep(0.5)
        running.stop()

    assert {one.outcome for one in seen(read).handshakes} == {"refused"}


def test_killed_it_leaves_a_ledger_that_is_not_closed(
    start: Callable[..., RunningWorkload], door: Door, read: Callable[[], Journal]
) -> None:
    running = start(door.port)
    door.mood = "mute"
    time.sleep(0.5)
    running.process.kill()
    running.stop()

    ledger = seen(read)
    assert ledger.closed is None
    assert "unanswered" in {one.outcome for one in ledger.handshakes}


def test_an_inventory_that_names_no_endpoint_is_told(run_dir: Path) -> None:
    for url in ("", "http://bookings.test", "bookings.test"):
        with pytest.raises(UsageError, match=r"bookings_tls_url of the inventory is '.*', so nobody can come over TLS"):
            handshakes().start(Setting(run_dir, "", {"bookings_tls_url": url}, ANCHOR, os.environ))


def test_an_authority_that_cannot_be_read_is_the_users_to_mend(run_dir: Path, tmp_path: Path) -> None:
    missing = tmp_path / "nobody.pem"
    with pytest.raises(UsageError, match="the authority's certificate") as caught:
        handshakes().start(Setting(run_dir, "", variables(1, missing), ANCHOR, os.environ))
    assert str(missing) in caught.value.message


@pytest.mark.parametrize("rate", [0, -1, float("inf")])
def test_a_rate_that_is_no_rate_is_refused(rate: float) -> None:
    with pytest.raises(UsageError, match="not a positive number"):
        handshakes(per_second=rate)
