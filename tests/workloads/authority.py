"""An authority of the tests' own, which signs certificates that are good or bad in one way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

NAME = "bookings.test"
DAY = timedelta(days=1)


class Authority:
    """Signs whatever a test asks for."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.path = folder / f"{name}.pem"
        made = self._builder(self.subject, self.key, -DAY, DAY).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.path.write_bytes(made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def certificate(self, name: str = NAME, begin: timedelta = -DAY, end: timedelta = DAY) -> tuple[Path, int]:
        """A file with key and certificate, and the certificate's serial number."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        made = self._builder(subject, key, begin, end).add_extension(names, critical=False)
        signed = made.sign(self.key, hashes.SHA256())
        path = self.folder / f"{signed.serial_number:x}.pem"
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(key.private_bytes(*form) + signed.public_bytes(serialization.Encoding.PEM))
        return path, signed.serial_number

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, begin: timedelta, end: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject)
        builder = builder.serial_number(x509.random_serial_number()).public_key(key.public_key())
        return builder.not_valid_before(now + begin).not_valid_after(now + end)
