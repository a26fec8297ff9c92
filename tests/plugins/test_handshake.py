"""A handshake from outside with a real TLS server: what is shown, and why it is not trusted."""

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from ansible.module_utils import handshake
from ansible.module_utils.certificate import facts
from ansible.module_utils.handshake import Endpoint, shake_hands

from tests.plugins import issuer
from tests.plugins.issuer import DAY, Issuer


class Server:
    """Shows one certificate, at once or when it is asked for TLS as PostgreSQL is."""

    def __init__(self, pem: Path, *, asks_first: bytes = b"") -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pem)
        self._answer = asks_first
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                if self._answer:
                    assert connection.recv(8) == handshake.POSTGRESQL_ASKS_FOR_TLS
                    connection.sendall(self._answer)
                try:
                    self._context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    """Signs for today, for a server and its client look at the clock."""
    monkeypatch.setattr(issuer, "NOW", time.time())
    return Issuer()


def served(folder: Path, authority: Issuer, *domains: str, until: float = DAY, answer: bytes = b"") -> Server:
    issued = authority.issue(*domains, since=-2 * DAY, until=until)
    pem = folder / "served.pem"
    pem.write_text(authority.chain(issued) + issued.key)
    return Server(pem, asks_first=answer)


@pytest.mark.parametrize(("protocol", "answer"), [("tls", b""), ("postgresql", b"S")])
def test_what_is_shown_is_seen_and_trusted(tmp_path: Path, authority: Issuer, protocol: str, answer: bytes) -> None:
    server = served(tmp_path, authority, "bookings.test", answer=answer)
    shown, error = shake_hands(Endpoint("127.0.0.1", server.port, "bookings.test", protocol), authority.root)
    assert error == ""
    assert shown is not None
    assert facts(shown).names == ("bookings.test",)


@pytest.mark.parametrize(
    ("asked", "until", "stranger", "because"),
    [
        ("other.test", DAY, False, "Hostname mismatch"),
        ("bookings.test", -DAY, False, "certificate has expired"),
        ("bookings.test", DAY, True, "unable to get"),
    ],
)
def test_what_is_not_trusted_is_seen_all_the_same(  # noqa: PLR0913, PLR0917  what makes a certificate good
    tmp_path: Path,
    authority: Issuer,
    asked: str,
    until: float,
    stranger: bool,  # noqa: FBT001
    because: str,
) -> None:
    server = served(tmp_path, authority, "bookings.test", until=until)
    trusted = Issuer("stranger").root if stranger else authority.root
    shown, error = shake_hands(Endpoint("127.0.0.1", server.port, asked), trusted)
    assert because in error
    assert shown is not None
    assert facts(shown).names == ("bookings.test",)


def test_nobody_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    shown, error = shake_hands(Endpoint("127.0.0.1", port, "bookings.test"), "")
    assert shown is None
    assert f"no handshake with 127.0.0.1:{port}" in error


def test_a_postgresql_without_tls_is_told(tmp_path: Path, authority: Issuer) -> None:
    server = served(tmp_path, authority, "bookings.test", answer=b"N")
    shown, error = shake_hands(Endpoint("127.0.0.1", server.port, "bookings.test", "postgresql"), authority.root)
    assert (shown, "PostgreSQL does not offer TLS" in error) == (None, True)
