"""Customers who book over TLS: each request verifies the certificate that is served at that moment."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from drills.errors import UsageError
from drills.probes import View, certificate_lasts
from drills.site import Site
from drills.workloads.bookings import bookings
from drills.workloads.workload import Setting
from tests.workloads.authority import DAY, NAME, Authority

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drills.journal import Journal
    from tests.workloads.conftest import Office


@dataclass
class Relay:
    """Ends TLS in front of a server that has none."""

    behind: int
    port: int = 0
    context: ssl.SSLContext = field(default_factory=lambda: ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))

    def open(self, certificate: Path) -> None:
        self.context.load_cert_chain(certificate)
        ready = threading.Event()
        threading.Thread(target=asyncio.run, args=(self._serve(ready),), daemon=True).start()
        ready.wait()

    async def _serve(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=self.context)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.behind)
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))

    @staticmethod
    async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(65536):
                target.write(piece)
        target.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def relay(office: Office, authority: Authority) -> Relay:
    relay = Relay(urlsplit(office.url).port or 0)
    relay.open(authority.certificate()[0])
    return relay


def inventory(relay: Relay, authority: Authority) -> dict[str, str]:
    at = {"bookings_tls_url": f"https://{NAME}:{relay.port}", "bookings_tls_address": "127.0.0.1"}
    return {**at, "certificate_authority_file": str(authority.path)}


def test_an_expired_certificate_turns_customers_away_and_a_new_one_brings_them_back(
    relay: Relay, authority: Authority, run_dir: Path, read: Callable[[], Journal]
) -> None:
    running = bookings(per_second=20, over_tls=True).start(
        Setting(run_dir, "e", inventory(relay, authority), 0.0, os.environ)
    )
    time.sleep(1)
    relay.context.load_cert_chain(authority.certificate(begin=-2 * DAY, end=-DAY)[0])
    time.sleep(1)
    relay.context.load_cert_chain(authority.certificate()[0])
    time.sleep(1)
    assert running.stop() == 0

    good = [sample.good for sample in read().samples]
    assert good[0]
    assert good[-1]
    assert 10 < good.count(False) < 30


def test_customers_trust_a_new_authority_from_when_they_are_told_of_it(
    relay: Relay, authority: Authority, run_dir: Path, tmp_path: Path, read: Callable[[], Journal]
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "other")
    running = bookings(per_second=20, over_tls=True).start(
        Setting(run_dir, "e", inventory(relay, authority), 0.0, os.environ)
    )
    time.sleep(0.5)
    relay.context.load_cert_chain(other.certificate()[0])
    time.sleep(0.5)
    with authority.path.open("ab") as file:
        file.write(other.path.read_bytes())
    time.sleep(0.5)
    running.stop()

    good = [sample.good for sample in read().samples]
    assert (good[0], good[-1]) == (True, True)
    assert 5 < good.count(False) < 15


def test_an_inventory_that_names_no_endpoint_is_told(run_dir: Path) -> None:
    with pytest.raises(UsageError, match="nobody can come over TLS"):
        bookings(over_tls=True).start(Setting(run_dir, "e", {}, 0.0, os.environ))


@pytest.mark.parametrize(
    ("end", "ok", "told"),
    [
        (timedelta(hours=5, minutes=30), True, "is good for another 5:"),
        (timedelta(minutes=5), False, "is good for another 0:0"),
        (-timedelta(hours=1), False, "certificate has expired"),
    ],
)
def test_the_probe_says_how_long_the_certificate_is_good_for(
    relay: Relay, authority: Authority, *, end: timedelta, ok: bool, told: str
) -> None:
    relay.context.load_cert_chain(authority.certificate(end=end)[0])
    site = Site(authority.path, {}, {}, inventory(relay, authority))
    reading = certificate_lasts(timedelta(minutes=10)).look(View(site, lambda: None))
    assert reading.ok is ok
    assert told in reading.because


def test_the_probe_says_no_where_nobody_listens(relay: Relay, authority: Authority) -> None:
    variables = {**inventory(relay, authority), "bookings_tls_url": f"https://{NAME}:1"}
    reading = certificate_lasts(timedelta(0)).look(View(Site(authority.path, {}, {}, variables), lambda: None))
    assert (reading.ok, "refused" in reading.because) == (False, True)
