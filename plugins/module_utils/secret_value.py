"""What secrets are made of: new values at random, and the public part of keys."""

from __future__ import annotations

import json
import secrets
import string
from typing import TYPE_CHECKING, Any

from ansible.module_utils.secret_store import SecretError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = ("password", "login", "signing_key", "ssh_key")
ALPHABET = string.ascii_letters + string.digits
LENGTH = 32
SHORTEST = 20


def new_value(name: str, description: Mapping[str, Any], current: str | None) -> str:
    """A value at random for the secret `name`; a login takes turns with the one in use.

    Raises:
        SecretError: The description cannot be followed.
    """
    kind = description.get("kind", "password")
    if kind == "password":
        return _password(name, description)
    if kind == "login":
        users = list(description.get("users") or [])
        if len(users) != 2 or users[0] == users[1]:  # noqa: PLR2004  one in use, one to take over
            raise SecretError(f"{name} is a login and needs two users that take turns. HINT: users: [app_a, app_b]")
        used = json.loads(current)["user"] if current else users[1]
        user = next(user for user in users if user != used)
        return json.dumps({"user": user, "password": _password(name, description)})
    if kind in {"signing_key", "ssh_key"}:
        return _private(ed25519.Ed25519PrivateKey.generate(), kind)
    raise SecretError(f"{name} is of the kind '{kind}', which is unknown. HINT: choose one of {', '.join(KINDS)}")


def public_part(name: str, value: str) -> str:
    """The public key of a private one: PEM of a signing key, one line of an SSH key.

    Raises:
        SecretError: The value is no private key.
    """
    try:
        if "OPENSSH" in value.partition("\n")[0]:
            ssh = serialization.load_ssh_private_key(value.encode(), None).public_key()
            return ssh.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
        public = serialization.load_pem_private_key(value.encode(), None).public_key()
    except (ValueError, TypeError):
        raise SecretError(f"{name} is no private key without a passphrase, so it has no public part") from None
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(serialization.Encoding.PEM, form).decode()


def _password(name: str, description: Mapping[str, Any]) -> str:
    length = int(description.get("length", LENGTH))
    if length < SHORTEST:
        raise SecretError(f"{name} is to have {length} characters, and fewer than {SHORTEST} can be guessed")
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _private(key: ed25519.Ed25519PrivateKey, kind: str) -> str:
    form = serialization.PrivateFormat.OpenSSH if kind == "ssh_key" else serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
