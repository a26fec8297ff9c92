"""Whom a customer's machine trusts."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from drills.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


class Trust:
    """Trust in nobody but those in the file `authority`, or in those of the system where there is none.

    Who is added to the file while the workload runs is trusted from then on, as machines are told of a new authority.
    """

    def __init__(self, authority: Path | None) -> None:
        """Read it for the first time.

        Raises:
            UsageError: The authority's certificate cannot be read.
        """
        self._authority = authority and authority.expanduser()
        try:
            self._read = self._changed()
            self.context = ssl.create_default_context(cafile=self._authority)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"the authority's certificate {authority} cannot be read: {error.strerror or error}",
                f"openssl x509 -in {authority} -noout -subject",
            ) from error

    def refresh(self) -> None:
        """Before a handshake: look whether somebody was added.

        Raises:
            OSError: The file cannot be read any more.
        """
        if self._authority and (changed := self._changed()) != self._read:
            self.context.load_verify_locations(self._authority)
            self._read = changed

    def _changed(self) -> int:
        return self._authority.stat().st_mtime_ns if self._authority else 0
