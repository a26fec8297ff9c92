"""What the instance must not tell: three small files, each of which is replaced as a whole.

`database.json` is {"user", "password"}; `signing_keys.json` is {"current": <kid>, "keys": [{"kid", "public_pem",
"private_pem" (only for those that may sign)}]}, Ed25519; `webhook.json` is {"accepted": [{"id", "secret"}]}.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DATABASE, SIGNING_KEYS, WEBHOOK = FILES = ("database.json", "signing_keys.json", "webhook.json")


class SecretError(Exception):
    """A file cannot be used; the message says which and why, and never a value."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who the instance is to the database."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys that tokens may be signed with, by their ids, and the one that signs now."""

    current: str
    private: Ed25519PrivateKey = field(repr=False)
    public: Mapping[str, Ed25519PublicKey]


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """The secrets that a payment may be signed with, by their ids."""

    accepted: Mapping[str, str] = field(repr=False)


def read_credentials(folder: Path) -> Credentials:
    """Return the database user and its password, or raise SecretError."""
    path = folder / DATABASE
    fields = _object(path)
    return Credentials(_text(path, fields, "user"), _text(path, fields, "password"))


def read_signing_keys(folder: Path) -> SigningKeys:
    """Return the signing keys, or raise SecretError."""
    path = folder / SIGNING_KEYS
    fields = _object(path)
    current, keys = _text(path, fields, "current"), _by_id(path, fields, "keys", "kid")
    public = {kid: _public(path, kid, key) for kid, key in keys.items()}
    if current not in keys:
        raise SecretError(f"{path}: current is {current!r}, which is none of its keys: {', '.join(keys)}")
    private = _private(path, current, keys[current])
    if _raw(private.public_key()) != _raw(public[current]):
        raise SecretError(f"{path}: the private and the public key of {current!r} do not belong together")
    return SigningKeys(current, private, public)


def read_webhook_secrets(folder: Path) -> WebhookSecrets:
    """Return the secrets that payments are signed with, or raise SecretError."""
    path = folder / WEBHOOK
    accepted = _by_id(path, _object(path), "accepted", "id")
    return WebhookSecrets({name: _text(path, one, "secret") for name, one in accepted.items()})


def _object(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SecretError(f"{path}: {error.strerror}") from error
    except ValueError:
        raise SecretError(f"{path}: not JSON") from None  # what it says may be a secret
    if not isinstance(fields, dict):
        raise SecretError(f"{path}: not a JSON object")
    return fields


def _text(path: Path, fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise SecretError(f"{path}: {name} is missing, empty or no text")
    return value


def _by_id(path: Path, fields: Mapping[str, Any], name: str, identity: str) -> dict[str, dict[str, Any]]:
    """Return the objects of the list by their ids; there is one at least, and no id twice."""
    listed = fields.get(name)
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        raise SecretError(f"{path}: {name} is not a list of objects, one at least")
    found = {_text(path, one, identity): one for one in listed}
    if len(found) != len(listed):
        raise SecretError(f"{path}: {name} has one {identity} twice")
    return found


def _public(path: Path, kid: str, key: Mapping[str, Any]) -> Ed25519PublicKey:
    try:
        loaded = load_pem_public_key(_text(path, key, "public_pem").encode())
    except (ValueError, UnsupportedAlgorithm):
        raise SecretError(f"{path}: public_pem of {kid!r} is not a public key in PEM") from None
    if not isinstance(loaded, Ed25519PublicKey):
        raise SecretError(f"{path}: public_pem of {kid!r} is not an Ed25519 key")
    return loaded


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _private(path: Path, kid: str, key: Mapping[str, Any]) -> Ed25519PrivateKey:
    try:
        loaded = load_pem_private_key(_text(path, key, "private_pem").encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SecretError(f"{path}: private_pem of {kid!r} is not an unencrypted private key in PEM") from None
    if not isinstance(loaded, Ed25519PrivateKey):
        raise SecretError(f"{path}: private_pem of {kid!r} is not an Ed25519 key")
    return loaded
