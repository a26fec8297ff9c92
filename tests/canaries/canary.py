"""Secrets that must turn up nowhere, and every way in which a program may have spelt one when it wrote it down."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import shlex
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Shorter ones would be found by chance, as a file's name or a number.
SHORTEST = 16
PRIVATE_KEY = re.compile("-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.*?)-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)
# Every key of OpenSSH begins with these: they are the name of the format.
OPENSSH = "b3BlbnNzaC1rZXktdjE"


@dataclass(frozen=True)
class Canary:
    """A secret under a name that may be told."""

    name: str
    value: str = field(repr=False)

    @cached_property
    def spellings(self) -> frozenset[bytes]:
        """All spellings of each text that would give the secret away."""
        return frozenset(spelt for text in self._texts() for spelt in _spellings(text) if spelt)

    def _texts(self) -> Iterator[str]:
        """The value; of a private key in PEM each line, of a JSON object each text in it."""
        if self.value.lstrip().startswith("{"):
            for text in _strings(json.loads(self.value)):
                yield from _long([*_lines(text)] if "\n" in text else [text])
        elif "\n" in self.value.strip():
            yield from _long(_lines(self.value))
        elif len(self.value) < SHORTEST:
            raise ValueError(f"{self.name} is too short to be told from chance")
        else:
            yield self.value.strip()


def _lines(content: str) -> Iterator[str]:
    """The lines of the private keys in it, but for those that stand in the public key as well."""
    for key in PRIVATE_KEY.finditer(content):
        public = _public(key[0])
        yield from (line for line in key[1].splitlines() if not _is_in(line, public))


def _public(key: str) -> bytes:
    """The public key that belongs to a private one in PEM, in DER; empty where it is not known."""
    try:
        public = load_pem_private_key(key.encode(), None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return b""
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _is_in(line: str, public: bytes) -> bool:
    try:
        return base64.b64decode(line, validate=True) in public
    except binascii.Error:
        return False


def _long(texts: Iterable[str]) -> Iterator[str]:
    """The texts that are no chance finds; a user's name in a login, say, is one."""
    return (text for text in texts if len(text) >= SHORTEST and not text.startswith(OPENSSH))


def private_keys(content: str) -> list[str]:
    """The private keys in PEM that are in it, without their armour; certificates beside them are no secret."""
    return [key[1] for key in PRIVATE_KEY.finditer(content)]


def _strings(content: Any) -> Iterator[str]:  # noqa: ANN401  # JSON values
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list):
        for part in content.values() if isinstance(content, dict) else content:
            yield from _strings(part)


def _spellings(text: str) -> Iterator[bytes]:
    escaped = json.dumps(text)[1:-1]
    spelt = {
        text,
        escaped,
        json.dumps(escaped)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        text.replace("'", "''"),  # YAML, SQL
        repr(text)[1:-1],
        shlex.quote(text).removeprefix("'").removesuffix("'"),
        html.escape(text),
        quote(text, safe=""),
        quote(text),
        quote_plus(text),
    }
    for one in spelt:
        yield one.encode()
        yield from _base64(one.encode())
    yield from (text.encode().hex().encode(), text.encode().hex().upper().encode())


def _base64(content: bytes) -> Iterator[bytes]:
    """What of it stands in base64 of anything that contains it: it depends on how many bytes come before it."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + content)
        whole = encoded[-(-before * 8 // 6) : (before + len(content)) * 8 // 6]
        yield whole
        yield whole.replace(b"+", b"-").replace(b"/", b"_")
        yield whole.replace(b"/", b"\\/")  # as some write it in JSON


def names_in(content: bytes, canaries: list[Canary]) -> list[str]:
    """The names of those that stand in the content, in any spelling."""
    return sorted({one.name for one in canaries if any(spelt in content for spelt in one.spellings)})
