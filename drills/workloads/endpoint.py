"""Where customers reach the service over TLS, as the inventory says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from drills.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

HTTPS = 443
URL_VARIABLE = "bookings_tls_url"
ADDRESS_VARIABLE = "bookings_tls_address"
AUTHORITY_VARIABLE = "certificate_authority_file"


@dataclass(frozen=True)
class Endpoint:
    """The name that the certificate must have, where it is, and the file of whom to trust; empty means the system's."""

    name: str
    address: str
    port: int
    authority: str

    @classmethod
    def of(cls, variables: Mapping[str, object]) -> Self:
        """What the inventory says: bookings_tls_url, and, where names cannot be looked up, bookings_tls_address.

        Raises:
            UsageError: It does not say where.
        """
        url = urlsplit(str(variables.get(URL_VARIABLE, "")))
        if url.scheme != "https" or not url.hostname:
            raise UsageError(
                f"{URL_VARIABLE} of the inventory is {url.geturl()!r}, so nobody can come over TLS",
                f"set {URL_VARIABLE} to https://<name in the certificate> for all hosts",
            )
        return cls(
            name=url.hostname,
            address=str(variables.get(ADDRESS_VARIABLE) or url.hostname),
            port=url.port or HTTPS,
            authority=str(variables.get(AUTHORITY_VARIABLE) or ""),
        )

    def trusting(self) -> list[str]:
        """Whom the clients are told to trust; nothing where the system's authorities hold."""
        return ["--authority", self.authority] if self.authority else []
