"""Certificates of every kind, made in a moment: good ones, and such as must be refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Named = tuple[str, ec.EllipticCurvePrivateKey]

NOW = 1_700_000_000.0
DAY = 86_400.0


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, both in PEM."""

    pem: str
    key: str


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


class Issuer:
    """A root, and an intermediate that signs."""

    def __init__(self, name: str = "root") -> None:
        self._root, self._signer = (name, new_key()), (f"{name} intermediate", new_key())
        self.root = certificate(self._root, self._root, (-100 * DAY, 3650 * DAY))
        self.intermediate = certificate(self._signer, self._root, (-100 * DAY, 3650 * DAY))

    def issue(self, *domains: str, since: float = 0, until: float = 90 * DAY) -> Issued:
        """A certificate for the domains; `since` and `until` are seconds from now."""
        key = new_key()
        return Issued(certificate((domains[0], key), self._signer, (since, until), domains), key_pem(key))

    def chain(self, issued: Issued) -> str:
        """What an ACME server gives: the certificate and the one above it."""
        return issued.pem + self.intermediate


def certificate(subject: Named, issuer: Named, valid: tuple[float, float], domains: tuple[str, ...] = ()) -> str:
    """A certificate in PEM; without domains it may sign others. It is valid between two times, in seconds from NOW."""
    since, until = (datetime.fromtimestamp(NOW + seconds, UTC) for seconds in valid)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject[0])]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer[0])]))
        .public_key(subject[1].public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=not domains, path_length=None), critical=True)
    )
    if domains:
        names = x509.SubjectAlternativeName([x509.DNSName(domain) for domain in domains])
        made = made.add_extension(names, critical=False)
    return made.sign(issuer[1], hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
