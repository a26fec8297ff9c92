"""Tries keys on the bookings service: whether it accepts what is signed with them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

UNAUTHORIZED = 401
LISTENED = 200
NO_SUCH_BOOKING = (404, "unknown_booking")
CUSTOMER = "key-trial"
EVENT = "key-trial"
TOKEN_SECONDS = 60
MET, MISSED, UNKNOWN = "met", "missed", "unknown"


class Check(NamedTuple):
    """What was found of one key on one instance: met, missed or unknown, because …; ids and never values."""

    check: str
    outcome: str
    because: str


@dataclass(frozen=True)
class Key:
    """A key by what it is for (current, pending, previous), by its id, and what it is."""

    label: str
    id: str
    value: str

    def __repr__(self) -> str:
        """Its id alone: a key may end up in a message."""
        return f"Key({self.label}, {self.id})"


@dataclass(frozen=True)
class Answer:
    """What an instance said; status 0 when nothing listens there, which is no answer."""

    status: int
    body: bytes = b""
    error: str = ""

    def field(self, name: str) -> Any:  # noqa: ANN401  whatever the JSON holds
        """A field of the JSON object; None when there is none."""
        try:
            return json.loads(self.body).get(name)
        except (ValueError, AttributeError):
            return None

    @property
    def told(self) -> str:
        """The answer in words."""
        return self.error or f"it answers {self.status}"


@dataclass(frozen=True)
class Instance:
    """One instance of the service, reached directly."""

    url: str
    timeout: float = 5.0

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """The answer to one request: status 0 when nothing listens, an error when something listens and is silent."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=self.timeout)
        try:
            connection.request(
                method, path, body or None, {name.replace("_", "-"): said for name, said in headers.items()}
            )
            response = connection.getresponse()
            return Answer(response.status, response.read())
        except ConnectionRefusedError:
            return Answer(0)
        except (OSError, http.client.HTTPException) as error:
            return Answer(-1, error=f"it does not answer: {error or type(error).__name__}")
        finally:
            connection.close()

    def listens(self) -> bool:
        """Whether there is an instance at all; one that is silent is one."""
        return self.ask("GET", "/healthz").status != 0

    def hears_payment(self, secret: str) -> tuple[bool | None, str]:
        """Whether a payment signed with the secret is listened to, and what was said; None when neither is clear.

        The payment is of a booking that does not exist, so that it changes nothing.
        """
        body = json.dumps({"payment": f"key-trial-{uuid.uuid4()}", "booking": str(uuid.UUID(int=0))}).encode()
        signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        answer = self.ask("POST", "/v1/webhooks/payments", body, x_signature=signature)
        return _verdict(answer, heard=(answer.status, answer.field("error")) == NO_SUCH_BOOKING)

    def hears_token(self, kid: str, private_pem: str, issuer: str) -> tuple[bool | None, str]:
        """Whether a token signed with the key is listened to, and what was said; None when neither is clear."""
        bearer = f"Bearer {token(kid, private_pem, issuer)}"
        answer = self.ask("GET", f"/v1/bookings?event={EVENT}&limit=1", authorization=bearer)
        return _verdict(answer, heard=answer.status == LISTENED)

    def publishes(self) -> list[str] | None:
        """The ids of the keys that it publishes for others to verify tokens with; None when it does not say."""
        keys = self.ask("GET", "/.well-known/jwks.json").field("keys")
        return [str(key.get("kid")) for key in keys] if isinstance(keys, list) else None

    def signs_with(self) -> str:
        """The id of the key that it signs a token with; empty when it gives none."""
        given = self.ask("POST", "/v1/sign-in", json.dumps({"customer": CUSTOMER}).encode()).field("token")
        try:
            head = str(given).split(".", maxsplit=1)[0]
            return str(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])
        except (ValueError, KeyError, TypeError):
            return ""


def _verdict(answer: Answer, *, heard: bool) -> tuple[bool | None, str]:
    """Only what the service says to a good and to a bad signature is an answer; all else proves nothing."""
    if heard:
        return True, answer.told
    return (False if answer.status == UNAUTHORIZED else None), answer.told


def token(kid: str, private_pem: str, issuer: str) -> str:
    """A token as the service makes them (JWT, EdDSA), signed with a key that we hold."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  a webhook needs none

    key: Any = serialization.load_pem_private_key(private_pem.encode(), None)
    now = int(time.time())
    head = {"alg": "EdDSA", "typ": "JWT", "kid": kid}
    claims = {"iss": issuer, "sub": CUSTOMER, "iat": now, "exp": now + TOKEN_SECONDS}
    signed = f"{_encoded(json.dumps(head).encode())}.{_encoded(json.dumps(claims).encode())}"
    return f"{signed}.{_encoded(key.sign(signed.encode()))}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _made_up() -> str:
    """A signing key that nobody has ever used."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  as above
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415  as above

    form = serialization.PrivateFormat.PKCS8
    key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@dataclass(frozen=True)
class Trial:
    """What every instance of a host must accept and refuse. `kind` is webhook_secret or signing_key."""

    kind: str
    accepted: tuple[Key, ...] = ()
    refused: tuple[Key, ...] = ()
    issuer: str = "bookings"

    def on(self, instance: Instance) -> list[Check]:
        """What was found; nothing when nothing listens there."""
        if not instance.listens():
            return []
        found = [self._tried(instance, key, wanted=True) for key in self.accepted]
        found += [self._tried(instance, key, wanted=False) for key in self.refused]
        found.append(self._tried(instance, self._stranger(), wanted=False))
        return found + (self._published(instance) if self.kind == "signing_key" else [])

    def _stranger(self) -> Key:
        """A key that was made up just now, under the name of a good one: who accepts it looks at no key."""
        name = self.accepted[0].id if self.accepted else str(uuid.uuid4())
        return Key("made-up", name, _made_up() if self.kind == "signing_key" else str(uuid.uuid4()))

    def _tried(self, instance: Instance, key: Key, *, wanted: bool) -> Check:
        if self.kind == "webhook_secret":
            heard, said = instance.hears_payment(key.value)
        else:
            heard, said = instance.hears_token(key.id, key.value, self.issuer)
        outcome = UNKNOWN if heard is None else MET if heard == wanted else MISSED
        because = f"{instance.url}: {said} to what is signed with {key.id[:8]}"
        return Check(f"{self.kind}: the {key.label} one is {'accepted' if wanted else 'refused'}", outcome, because)

    def _published(self, instance: Instance) -> list[Check]:
        published, signer = instance.publishes(), instance.signs_with()
        found = [self._seen(instance, key, published, wanted=True) for key in self.accepted]
        found += [self._seen(instance, key, published, wanted=False) for key in self.refused]
        current = next((key for key in self.accepted if key.label == "current"), None)
        if current is not None:
            outcome = UNKNOWN if not signer else MET if signer == current.id else MISSED
            because = f"{instance.url}: it signs with {signer[:8] or 'nothing'}"
            found.append(Check(f"{self.kind}: the current one signs", outcome, because))
        return found

    def _seen(self, instance: Instance, key: Key, published: list[str] | None, *, wanted: bool) -> Check:
        outcome = UNKNOWN if published is None else MET if (key.id in published) == wanted else MISSED
        listed = "nothing" if published is None else ", ".join(kid[:8] for kid in published) or "no key"
        name = f"{self.kind}: the {key.label} one is {'' if wanted else 'not '}published"
        return Check(name, outcome, f"{instance.url}: it publishes {listed}")


def try_all(trial: Trial, instances: list[Instance]) -> list[Check]:
    """What was found on every instance that listens; where none does, nothing is proved."""
    found = [check for instance in instances for check in trial.on(instance)]
    nobody = f"nothing listens on {', '.join(instance.url for instance in instances)}, so nothing is proved"
    return found or [Check(f"{trial.kind}: an instance answers", UNKNOWN, nobody)]


def flaws(checks: list[Check]) -> str:
    """What was not met, in words; empty when all is as it must be."""
    return "; ".join(f"{one.check}: {one.outcome}: {one.because}" for one in checks if one.outcome != MET)
