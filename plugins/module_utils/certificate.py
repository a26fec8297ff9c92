"""Certificates as files in PEM: what they say, whether they can be used, and when they must be renewed.

A bundle is a leaf, the certificates that lead from it to an authority, and the leaf's private key, in one file: HAProxy
and PostgreSQL both read such a file, and one file is replaced as a whole, so that a key never stands beside a
certificate that is not its own.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.x509 import Certificate

BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----\n.+?\n-----END \1-----\n?", re.DOTALL)

RENEWED_WITH = 1 / 3
"""The part of its lifetime with which a certificate is renewed; for a short-lived one no number of days would do."""


class CertificateError(Exception):
    """What is there is no certificate, or cannot be used as one; the text says why and holds nothing secret."""


@dataclass(frozen=True)
class Bundle:
    """The parts of a bundle in PEM. `key` is empty where there is none."""

    leaf: str
    chain: tuple[str, ...]
    key: str

    def __repr__(self) -> str:
        """Without the key: a bundle may end up in a message."""
        return f"Bundle({len(self.chain)} above the leaf)"

    @property
    def text(self) -> str:
        """All of it, as one file holds it."""
        return self.leaf + "".join(self.chain) + self.key


@dataclass(frozen=True)
class Facts:
    """What a certificate says. Times are seconds since 1970; the serial number has upper-case hexadecimal digits."""

    names: tuple[str, ...]
    issuer: str
    serial: str
    not_before: float
    not_after: float
    self_signed: bool

    @property
    def renew_after(self) -> float:
        """From when on less than a third of its lifetime is left."""
        return self.not_after - RENEWED_WITH * (self.not_after - self.not_before)

    def told(self, now: float) -> dict[str, Any]:
        """For people and for Ansible."""
        return {
            "names": list(self.names),
            "issuer": self.issuer,
            "serial": self.serial,
            "not_before": self.not_before,
            "not_after": self.not_after,
            "seconds_left": round(self.not_after - now),
            "left": span(self.not_after - now),
        }


def bundle(text: str) -> Bundle:
    """The parts of a file in PEM; whatever stands between them is left out.

    Raises:
        CertificateError: There is no certificate in it.
    """
    blocks = [(match[1], match[0].rstrip("\n") + "\n") for match in BLOCK.finditer(text.replace("\r\n", "\n"))]
    certificates = [block for kind, block in blocks if kind == "CERTIFICATE"]
    if not certificates:
        raise CertificateError("there is no certificate in it")
    keys = [block for kind, block in blocks if kind.endswith("PRIVATE KEY")]
    return Bundle(certificates[0], tuple(certificates[1:]), keys[0] if keys else "")


def facts(pem: str | bytes) -> Facts:
    """What one certificate says; `pem` may be DER as well, as a handshake gives it.

    Raises:
        CertificateError: It is none.
    """
    # Modules that need no certificate must not wait for the library.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.x509.oid import ExtensionOID, NameOID  # noqa: PLC0415

    found = _loaded(pem)
    try:
        names = found.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
        dns = tuple(names.get_values_for_type(x509.DNSName))  # type: ignore[attr-defined]
    except x509.ExtensionNotFound:
        dns = ()
    common = [str(attribute.value) for attribute in found.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return Facts(
        names=dns,
        issuer=common[0] if common else found.issuer.rfc4514_string(),
        serial=f"{found.serial_number:X}",
        not_before=_moment(found, "not_valid_before"),
        not_after=_moment(found, "not_valid_after"),
        self_signed=found.issuer == found.subject,
    )


def flaws(found: Bundle, domains: Sequence[str], now: float) -> list[str]:
    """Why a bundle must not be used, leaving its chain aside; empty when it can be."""
    said = facts(found.leaf)
    missing = [domain for domain in domains if not any(covers(name, domain) for name in said.names)]
    reasons = []
    if missing:
        reasons.append(f"it is for {_listed(said.names)} and not for {_listed(missing)}")
    if not found.key or not matches(found.leaf, found.key):
        reasons.append("its key does not belong to it" if found.key else "it has no key")
    if said.not_after <= now:
        reasons.append(f"it expired at {moment(said.not_after)}")
    if said.not_before > now:
        reasons.append(f"it is not valid before {moment(said.not_before)}, and this host's clock says {moment(now)}")
    return reasons


def due(found: Bundle, domains: Sequence[str], now: float) -> str:
    """Why a certificate must be renewed; empty when it need not be."""
    said = facts(found.leaf)
    if said.self_signed:
        return "no authority has signed it"
    if reasons := flaws(found, domains, now):
        return ", and ".join(reasons)
    if now < said.renew_after:
        return ""
    left, lifetime = said.not_after - now, said.not_after - said.not_before
    return f"{span(left)} of {span(lifetime)} are left, which is less than a third"


def covers(name: str, domain: str) -> bool:
    """Whether a name in a certificate stands for a domain; an asterisk stands for one label.

    >>> covers("*.example.com", "www.example.com"), covers("*.example.com", "a.www.example.com")
    (True, False)
    """
    name, domain = name.lower(), domain.lower()
    if name.startswith("*.") and "." in domain:
        return name[2:] == domain.partition(".")[2] or name == domain
    return name == domain


def matches(leaf: str, key: str) -> bool:
    """Whether a private key belongs to a certificate."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  see facts

    form = serialization.PublicFormat.SubjectPublicKeyInfo
    try:
        private = serialization.load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError):
        return False
    theirs, ours = (
        public.public_bytes(serialization.Encoding.DER, form)
        for public in (_loaded(leaf).public_key(), private.public_key())
    )
    return theirs == ours


def span(seconds: float) -> str:
    """A time that people can read.

    >>> span(89 * 86400), span(5400), span(42)
    ('89 days', '90 minutes', '42 seconds')
    """
    for name, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if abs(seconds) >= 2 * length:
            return f"{seconds / length:.0f} {name}"
    return f"{seconds:.0f} seconds"


def moment(seconds: float) -> str:
    """A point in time, in UTC.

    >>> moment(0)
    '1970-01-01 00:00:00 UTC'
    """
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")  # noqa: UP017  hosts may be older


def _loaded(pem: str | bytes) -> Certificate:
    from cryptography import x509  # noqa: PLC0415  see facts

    try:
        return (
            x509.load_der_x509_certificate(pem)
            if isinstance(pem, bytes)
            else x509.load_pem_x509_certificate(pem.encode())
        )
    except ValueError as error:
        raise CertificateError(f"it cannot be read as a certificate: {error}") from None


def _moment(certificate: Certificate, which: str) -> float:
    """A time of a certificate; the library of Debian 12 does not know the newer names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: datetime = getattr(certificate, which)
    return found.replace(tzinfo=timezone.utc).timestamp()  # noqa: UP017  the same


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "no name"
