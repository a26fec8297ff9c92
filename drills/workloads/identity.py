"""Customers who are signed in, and the payment provider who signs what it says."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drills.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# a customer whose sign-in was not answered tries again after this long
SIGN_IN_AGAIN_AFTER_S = 2.0


@dataclass
class _Token:
    text: str
    renew_at: float


class Tokens:
    """The tokens of customers who sign in: each is shown until half of its life is over, and then renewed.

    One that the service refused is not shown again.
    """

    def __init__(self, customers: Sequence[str]) -> None:
        self._customers = customers
        self._tokens: dict[str, _Token] = {}
        self._asked: dict[str, float] = {}

    def signed_in(self, turn: int) -> str | None:
        """The customer whose turn it is, of those who are signed in; None if nobody is."""
        those = [customer for customer in self._customers if customer in self._tokens]
        return those[turn % len(those)] if those else None

    def header(self, customer: str) -> dict[str, str]:
        """What the customer shows; nothing if not signed in."""
        token = self._tokens.get(customer)
        return {"Authorization": f"Bearer {token.text}"} if token else {}

    def to_sign_in(self) -> str | None:
        """A customer who has to sign in now and is not about to; None if nobody has to."""
        now = time.monotonic()
        for customer in self._customers:
            token = self._tokens.get(customer)
            is_due = token is None or now >= token.renew_at
            if is_due and now >= self._asked.get(customer, 0.0):
                self._asked[customer] = now + SIGN_IN_AGAIN_AFTER_S
                return customer
        return None

    def take(self, customer: str, body: bytes) -> None:
        """Keep the token in the answer to a sign-in."""
        fields: dict[str, Any] = json.loads(body)
        left_s = float(fields["expires_at"]) - time.time()
        self._tokens[customer] = _Token(fields["token"], time.monotonic() + left_s / 2)

    def refused(self, customer: str, shown: str | None) -> None:
        """Forget the token that was shown, unless the customer has another one by now."""
        if shown is not None and shown == self.header(customer).get("Authorization"):
            del self._tokens[customer]
            self._asked.pop(customer, None)


class Provider:
    """The payment provider: it signs with the secret in a file, {"id", "secret"}, as it is at that moment."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            UsageError: It is missing, or something else.
        """
        self._path = path
        self._modified = 0.0
        try:
            self._read()
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else 'it is not {"id": …, "secret": …}'
            raise UsageError(
                f"the payment provider has no secret: {path}: {reason}",
                "let the runbook that places the service's secrets write it, or write it by hand, mode 0600",
            ) from None

    def signature(self, body: bytes) -> str:
        """The header with which it sends the body."""
        if self._path.stat().st_mtime != self._modified:
            self._read()
        return "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()

    def _read(self) -> None:
        modified = self._path.stat().st_mtime
        self._secret = str(json.loads(self._path.read_text(encoding="utf-8"))["secret"]).encode()
        self._modified = modified
