"""Runs on a load balancer: its certificate is replaced by one of the same authority that ends when it is told.

Called with the folder of the certificate, the URL of the ACME server's management and the seconds that are to be left,
which may be below 0. The authority has to be one that tells its key, as those for tests do. The certificate that was
there is kept beside it, as current.pem.before_drill.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import sys
from datetime import datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

SOCKET = "/run/haproxy/admin.sock"
LIFETIME = timedelta(hours=1)
SECONDS = 10.0


def reissued(bundle: bytes, authority: bytes, authority_key: bytes, left: timedelta) -> bytes:
    """A certificate for the same key and names, with the certificate of its authority and the key behind it."""
    leaf, signer = x509.load_pem_x509_certificate(bundle), x509.load_pem_x509_certificate(authority)
    key = serialization.load_pem_private_key(bundle, None)
    ends = datetime.utcnow() + left  # noqa: DTZ003  what the library of Debian 12 takes
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    made = (
        x509.CertificateBuilder()
        .subject_name(leaf.subject)
        .issuer_name(signer.subject)
        .public_key(leaf.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - LIFETIME)
        .not_valid_after(ends)
        .add_extension(names.value, critical=names.critical)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(serialization.load_pem_private_key(authority_key, None), hashes.SHA256())  # type: ignore[arg-type]
    )
    pem = serialization.Encoding.PEM
    form = (pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(pem) + signer.public_bytes(pem) + key.private_bytes(*form)


def fetched(url: str) -> bytes:
    """What the authority says there. Whether customers trust it is seen when they shake hands."""
    context = ssl._create_unverified_context()  # noqa: S323, SLF001  this host does not know who signed for it
    with urlopen(url, timeout=SECONDS, context=context) as answer:  # noqa: S310  the caller names an https URL
        return bytes(answer.read())


def put(folder: Path, bundle: bytes) -> None:
    """It is in the file whole or not at all, and the one before is kept once."""
    current, kept, fresh = (
        folder / name for name in ("current.pem", "current.pem.before_drill", "current.pem.harming")
    )
    if not kept.exists():
        shutil.copy2(current, fresh)
        fresh.rename(kept)
    owner = current.stat()
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(bundle)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(current)


def tell(path: Path, bundle: bytes, admin: str) -> None:
    """New handshakes get it; a running HAProxy does not look at the file by itself."""
    ask(admin, f"set ssl cert {path} <<\n{bundle.decode().rstrip()}\n")
    answer = ask(admin, f"commit ssl cert {path}")
    if not answer.rstrip().endswith("Success!"):
        sys.exit(f"HAProxy did not take the certificate: {' '.join(answer.split())}")


def ask(admin: str, command: str) -> str:
    """HAProxy's whole answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(admin)
        connection.sendall(f"{command}\n".encode())
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    return answer.decode()


def main(folder: str, management: str, left: str, admin: str = SOCKET) -> None:
    """Replace the certificate in `folder`."""
    place = Path(folder)
    authority, key = (fetched(f"{management}/{name}/0") for name in ("intermediates", "intermediate-keys"))
    kept = place / "current.pem.before_drill"
    before = (kept if kept.exists() else place / "current.pem").read_bytes()
    bundle = reissued(before, authority, key, timedelta(seconds=float(left)))
    put(place, bundle)
    tell(place / "current.pem", bundle, admin)


if __name__ == "__main__":
    main(*sys.argv[1:])
