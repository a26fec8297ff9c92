"""Customers who shake hands all the time, what is served to them, and what lies on the hosts."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from cryptography import x509

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

    from conftest import Hosts

ROOT = Path(__file__).resolve().parents[3]
ASKS_FOR_TLS = bytes.fromhex("0000000804d2162f")
FOLDERS = {"lb1": "/etc/certificates/bookings", "db1": "/etc/certificates/database"}


@dataclass(frozen=True)
class Site:
    """The scenario's hosts, with what a customer, an administrator and an attacker can see of them."""

    hosts: Hosts
    folder: Path

    @property
    def roots(self) -> Path:
        """The authorities that customers trust."""
        return self.folder / "acme" / "roots.pem"

    def run(self, playbook: str, *options: str, **variables: object) -> subprocess.CompletedProcess[str]:
        """Runs a playbook; whether it succeeds is for the test to say."""
        addresses = {name: self.hosts.address(short) for short, name in self.hosts.names.items()}
        inventory = os.environ["MOLECULE_EPHEMERAL_DIRECTORY"] + "/inventory"
        extra = json.dumps({"addresses": addresses, **variables})
        command = ["ansible-playbook", "-i", inventory, str(ROOT / playbook), "-e", extra, *options]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=420)

    def renew(self, **variables: object) -> int:
        """Follows cert_renewal; returns how many tasks changed something."""
        done = self.run("playbooks/cert_renewal.yml", **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return sum(int(count) for count in re.findall(r"changed=(\d+)", done.stdout))

    def refusal(self, playbook: str = "playbooks/cert_renewal.yml", **variables: object) -> str:
        """Follows a playbook that must fail; returns what it said, in one line."""
        done = self.run(playbook, **variables)
        assert done.returncode == 2, done.stdout + done.stderr
        return " ".join((done.stdout + done.stderr).split())

    def verb(self, verb: str, **variables: object) -> subprocess.CompletedProcess[str]:
        """Runs a verb of the role for the balancer's certificate."""
        on = {"verb": verb, "verb_role": "certificate", "verb_hosts": self.hosts.names["lb1"]}
        described = {"certificate_name": "bookings", "certificate_domains": ["bookings.test"], **variables}
        return self.run("molecule/verb.yml", **on, **described)

    def stage(self, chain: str) -> str:
        """Has the balancer's host take what was "issued"; it must not, and says why in one line."""
        done = self.verb("stage", certificate_chain=chain)
        assert done.returncode == 2, done.stdout + done.stderr
        return " ".join((done.stdout + done.stderr).split())

    def status(self, of: str) -> str:
        """What the ACME server says of a certificate, by its serial number: Valid or Revoked."""
        # Pebble wants an even number of digits, as OpenSSL prints them.
        even = of if len(of) % 2 == 0 else f"0{of}"
        url = f"https://localhost:15000/cert-status-by-serial/{even.lower()}"
        answer = self.hosts["acme"].check_output(f"curl -sS --cacert /etc/pebble/authority.pem {url}")
        return str(json.loads(answer)["Status"])

    def answer(self, answers: dict[str, str], state: str) -> subprocess.CompletedProcess[str]:
        """Sets what the balancer answers, as the role does."""
        inventory = os.environ["MOLECULE_EPHEMERAL_DIRECTORY"] + "/inventory"
        asked = json.dumps({"answers": answers, "state": state})
        command = ["ansible", self.hosts.names["lb1"], "-i", inventory, "--become", "-m", "acme_challenge", "-a", asked]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def served(self, short: str) -> str:
        """The serial number of what a customer is shown, who verifies it."""
        with self.connection(short) as connection:
            return serial(connection)

    @contextlib.contextmanager
    def connection(self, short: str) -> Iterator[ssl.SSLSocket]:
        """A customer's connection, after a verified handshake."""
        name, port = {"lb1": ("bookings.test", 443), "db1": ("database.test", 5432)}[short]
        context = ssl.create_default_context(cafile=str(self.roots))
        with socket.create_connection((self.hosts.address(short), port), timeout=10) as plain:
            if short == "db1":
                plain.sendall(ASKS_FOR_TLS)
                assert plain.recv(1) == b"S"
            with context.wrap_socket(plain, server_hostname=name) as secured:
                yield secured

    def on_disk(self, short: str, label: str = "current") -> str:
        """The serial number of a version on its host; empty when there is none."""
        shown = self.hosts[short].run(f"openssl x509 -noout -serial -in {FOLDERS[short]}/{label}.pem").stdout
        return str(shown).strip().removeprefix("serial=").lstrip("0")

    def read(self, short: str, file: str) -> str:
        """A file of a certificate's folder."""
        return str(self.hosts[short].check_output(f"cat {FOLDERS[short]}/{file}")) + "\n"

    def balancer(self, command: str) -> str:
        """What HAProxy answers on its admin socket."""
        answer = self.hosts["lb1"].check_output(f"echo '{command}' | socat stdio /run/haproxy/admin.sock")
        return str(answer)


def serial(connection: ssl.SSLSocket) -> str:
    """The serial number that was shown in a handshake."""
    shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    return f"{x509.load_der_x509_certificate(shown).serial_number:X}"


@dataclass
class Customers:
    """Who opens a new TLS connection all the time, and one who keeps theirs."""

    site: Site
    short: str
    serials: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._leaving = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._come, self._stay)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        for thread in self._threads:
            thread.join()

    def _come(self) -> None:
        while not self._leaving.wait(0.05):
            try:
                self.serials.append(self.site.served(self.short))
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))

    def _stay(self) -> None:
        """Uses one connection from the beginning to the end."""
        try:
            (self._stay_at_balancer if self.short == "lb1" else self._stay_at_database)()
        except (OSError, AssertionError, http.client.HTTPException) as error:
            self.failures.append(f"the connection that was kept: {error!r}")

    def _stay_at_balancer(self) -> None:
        with self.site.connection(self.short) as connection:
            while not self._leaving.wait(0.2):
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: bookings.test\r\n\r\n")
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                answer.read()
                assert answer.status == http.HTTPStatus.OK, answer.status

    def _stay_at_database(self) -> None:
        """One session asks again and again, as long as the file is there."""
        client = self.site.hosts["lb1"]
        client.check_output("touch /run/stay")
        threading.Thread(target=lambda: self._leaving.wait() and client.run("rm /run/stay")).start()
        session = f"host={self.site.hosts.names['db1']} user=balancer dbname=postgres sslmode=require"
        asking = "while [ -e /run/stay ]; do echo 'SELECT pg_sleep(0.1);'; sleep 0.2; done"
        done = client.run(f"({asking}) | psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 '{session}' > /dev/null")
        assert done.rc == 0, done.stderr


@pytest.fixture(scope="session")
def site(hosts: Hosts) -> Site:
    """Both certificates are issued, and a file server stands behind the balancer."""
    found = Site(hosts, Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]))
    behind: Host = hosts["db1"]
    if not behind.service("files").is_running:
        behind.check_output("mkdir -p /srv/files && echo ok | tee /srv/files/healthz > /srv/files/readyz")
        behind.check_output("systemd-run --unit=files python3 -m http.server --directory /srv/files 8001")
    if found.on_disk("lb1", "previous") == "":
        found.renew()
    deadline = time.monotonic() + 20
    while "200 OK" not in hosts["lb1"].run("curl -si http://127.0.0.1/healthz").stdout:
        assert time.monotonic() < deadline, "nothing serves behind the balancer"
        time.sleep(0.5)
    return found


@pytest.fixture
def customers() -> type[Customers]:
    return Customers
