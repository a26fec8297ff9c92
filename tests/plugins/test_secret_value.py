"""New values of secrets: long enough, of their kind, never twice the same; logins take turns."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from ansible.module_utils.secret_store import SecretError
from ansible.module_utils.secret_value import new_value, public_part
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

if TYPE_CHECKING:
    from pathlib import Path

LOGIN = {"kind": "login", "users": ["app_a", "app_b"]}


def test_a_password_is_long_and_another_one_each_time() -> None:
    made = {new_value("x", {}, None) for _ in range(50)}
    assert len(made) == 50
    assert all(len(value) == 32 and value.isalnum() for value in made)
    assert len(new_value("x", {"kind": "password", "length": 64}, None)) == 64


def test_a_login_takes_turns_and_gets_another_password_each_time() -> None:
    first = json.loads(new_value("x", LOGIN, None))
    second = json.loads(new_value("x", LOGIN, json.dumps(first)))
    third = json.loads(new_value("x", LOGIN, json.dumps(second)))
    assert [login["user"] for login in (first, second, third)] == ["app_a", "app_b", "app_a"]
    assert len({login["password"] for login in (first, second, third)}) == 3


def test_a_signing_key_and_its_public_part_belong_together() -> None:
    private = new_value("x", {"kind": "signing_key"}, None)
    signature = load_pem_private_key(private.encode(), None).sign(b"text")  # type: ignore[union-attr,call-arg]
    load_pem_public_key(public_part("x", private).encode()).verify(signature, b"text")  # type: ignore[union-attr,call-arg]


def test_an_ssh_key_is_one_that_ssh_reads(tmp_path: Path) -> None:
    private = new_value("x", {"kind": "ssh_key"}, None)
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text(private)
    said = subprocess.run(["ssh-keygen", "-y", "-f", str(file)], capture_output=True, text=True, check=True)
    assert said.stdout.split()[:2] == public_part("x", private).split()


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ({"kind": "rune"}, "x is of the kind 'rune', which is unknown. HINT: choose one of password"),
        ({"kind": "password", "length": 8}, "x is to have 8 characters, and fewer than 20 can be guessed"),
        ({"kind": "login"}, "x is a login and needs two users that take turns. HINT: users:"),
        ({"kind": "login", "users": ["a", "a"]}, "x is a login and needs two users that take turns. HINT: users:"),
    ],
)
def test_what_cannot_be_made_is_said(description: dict[str, Any], said: str) -> None:
    with pytest.raises(SecretError, match=said.replace("(", r"\(")):
        new_value("x", description, None)


@pytest.mark.parametrize("value", ["canary", "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n"])
def test_what_has_no_public_part_is_said_without_its_value(value: str) -> None:
    with pytest.raises(SecretError, match="x is no private key") as refused:
        public_part("x", value)
    assert "canary" not in str(refused.value)
