"""A TLS handshake from outside, and the certificate that is shown in it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a client of PostgreSQL sends to ask for TLS: the length of the message and a number that stands for the wish.
POSTGRESQL_ASKS_FOR_TLS = struct.pack("!ii", 8, 80877103)


class Endpoint(NamedTuple):
    """Where to knock, by which name, and for how many seconds at most. `protocol` is tls or postgresql."""

    host: str
    port: int
    server_name: str
    protocol: str = "tls"
    patience_s: float = 3.0


def shake_hands(endpoint: Endpoint, authorities: str) -> tuple[bytes | None, str]:
    """The certificate that is shown, in DER, and why it is not trusted; None and why when none is shown.

    `authorities` are certificates in PEM; empty means those that the system trusts.
    """
    context = ssl.create_default_context(cadata=authorities or None)
    try:
        return _shown(endpoint, context), ""
    except ssl.SSLCertVerificationError as error:
        why = f"{endpoint.host}:{endpoint.port} shows a certificate that is not trusted: {error.verify_message}"
    except OSError as error:
        return None, f"no handshake with {endpoint.host}:{endpoint.port}: {error}"
    # Somebody who trusts everybody gets to see it.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        return _shown(endpoint, context), why
    except OSError:
        return None, why


def _shown(endpoint: Endpoint, context: ssl.SSLContext) -> bytes | None:
    with _connection(endpoint) as plain, context.wrap_socket(plain, server_hostname=endpoint.server_name) as secured:
        return secured.getpeercert(binary_form=True)


@contextlib.contextmanager
def _connection(endpoint: Endpoint) -> Iterator[socket.socket]:
    with socket.create_connection((endpoint.host, endpoint.port), timeout=endpoint.patience_s) as connection:
        if endpoint.protocol == "postgresql":
            connection.sendall(POSTGRESQL_ASKS_FOR_TLS)
            if connection.recv(1) != b"S":
                raise ConnectionRefusedError("PostgreSQL does not offer TLS")
        yield connection
