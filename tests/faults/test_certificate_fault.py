"""A certificate that ends when it is told: the script that makes it, run on real files and over a real socket."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from drills.faults import CertificateEnding, reissue
from drills.site import Host
from tests.workloads.authority import NAME, Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def folder(tmp_path: Path, authority: Authority) -> Path:
    """The folder of a certificate that is good for a day."""
    folder = tmp_path / "bookings"
    folder.mkdir()
    authority.certificate()[0].rename(folder / "current.pem")
    return folder


@pytest.fixture
def management(tmp_path: Path, authority: Authority) -> Iterator[str]:
    """Where the authority tells its certificate and its key, as one for tests does."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    told = {"/intermediates/0": authority.path.read_bytes(), "/intermediate-keys/0": authority.key.private_bytes(*form)}

    class Management(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(told[self.path])

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = HTTPServer(("127.0.0.1", 0), Management)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.certificate("localhost")[0])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    assert tmp_path.exists()


class Balancer:
    """The admin socket of a balancer that answers `last` to the last of two commands."""

    def __init__(self, path: Path, last: str = "Committing........\nSuccess!\n\n") -> None:
        self.path, self.commands, self._answers = str(path), list[str](), iter(["Transaction created\n", last])
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for answer in self._answers:
            connection, _ = self._listener.accept()
            with connection:
                self.commands.append(connection.recv(65536).decode())
                connection.sendall(answer.encode())


@pytest.mark.parametrize("left", [180, -60])
def test_the_same_certificate_ends_sooner_and_is_served(
    folder: Path, management: str, tmp_path: Path, left: int
) -> None:
    before = x509.load_pem_x509_certificate((folder / "current.pem").read_bytes())
    balancer = Balancer(tmp_path / "admin.sock")
    reissue.main(str(folder), management, str(left), balancer.path)

    bundle = (folder / "current.pem").read_bytes()
    after = x509.load_pem_x509_certificate(bundle)
    ends = after.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(seconds=left - 30) < ends <= timedelta(seconds=left)
    assert (after.public_key(), after.subject) == (before.public_key(), before.subject)
    assert after.serial_number != before.serial_number
    names = after.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NAME]
    after.verify_directly_issued_by(x509.load_pem_x509_certificate(bundle[bundle.index(b"-----END CERT") + 26 :]))
    assert (folder / "current.pem").stat().st_mode & 0o777 == 0o600
    assert balancer.commands[0] == f"set ssl cert {folder}/current.pem <<\n{bundle.decode().rstrip()}\n\n"
    assert balancer.commands[1] == f"commit ssl cert {folder}/current.pem\n"


def test_twice_keeps_the_one_from_before_the_first(folder: Path, management: str, tmp_path: Path) -> None:
    before = (folder / "current.pem").read_bytes()
    for number, left in enumerate(("180", "-60")):
        reissue.main(str(folder), management, left, Balancer(tmp_path / f"{number}.sock").path)
    assert (folder / "current.pem.before_drill").read_bytes() == before


def test_a_balancer_that_does_not_take_it_is_a_fault_that_was_not_done(
    folder: Path, management: str, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match="HAProxy did not take the certificate: No such transaction"):
        reissue.main(str(folder), management, "180", Balancer(tmp_path / "admin.sock", "No such transaction\n").path)


def test_the_whole_script_is_what_the_host_is_given() -> None:
    balancer, acme = (Host(name, {"ansible_host": f"192.0.2.{n}"}) for name, n in (("lb1", 10), ("acme", 61)))
    fault = CertificateEnding(balancer, acme, "bookings", left=180)
    assert "main(*sys.argv[1:])" in fault.HARM
    assert fault.arguments == ("/etc/certificates/bookings", "https://192.0.2.61:15000", "180")
    assert fault.cure().playbook == "drills/faults/cures/certificate_put_back.yml"
