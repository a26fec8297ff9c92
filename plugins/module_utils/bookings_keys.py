"""Which keys instances of the bookings service use, against those in the files that they were given; ids, no values."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES = ("database.json", "signing_keys.json", "webhook.json")
SERIES = re.compile(r"^(bookings_key_in_use|bookings_secret_file_seconds)\{(.*)\} (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')
APART_SECONDS = 0.001  # less than two versions of a file ever are, and more than a float's rounding


class Key(NamedTuple):
    """A key by what it is for and its id."""

    kind: str
    id: str

    def __str__(self) -> str:
        """The key in words."""
        return f"{self.kind} {self.id}"


@dataclass(frozen=True)
class Keys:
    """The keys that are or should be in use, and when the file of each kind was made, in seconds since 1970."""

    keys: frozenset[Key]
    made: Mapping[str, float]

    def told(self) -> list[str]:
        """The keys in words, in order."""
        return sorted(map(str, self.keys))


def keys_in_files(contents: Mapping[str, str], made: Mapping[str, float]) -> Keys:
    """The keys that the files name, by the names in FILES.

    Raises:
        ValueError: A file is not what the service reads; the message names it and no value.
    """
    try:
        database, signing, webhook = (json.loads(contents[name]) for name in FILES)
        found = [Key("database", database["user"]), Key("signing", signing["current"])]
        found += [Key("verifying", one["kid"]) for one in signing["keys"]]
        found += [Key("webhook", one["id"]) for one in webhook["accepted"]]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"one of {', '.join(FILES)} is not what the service reads") from None
    return Keys(frozenset(found), dict(made))


def keys_in_use(metrics: str) -> Keys:
    """The keys that an instance's metrics name."""
    keys: set[Key] = set()
    made: dict[str, float] = {}
    for series, labels, value in SERIES.findall(metrics):
        named: dict[str, Any] = dict(LABEL.findall(labels))
        if series == "bookings_secret_file_seconds":
            made[named["file"]] = float(value)
        elif float(value):
            keys.add(Key(named["kind"], named["id"]))
    return Keys(frozenset(keys), made)


def difference(wanted: Keys, used: Keys) -> str:
    """What an instance still uses or does not use yet, in words; empty when it uses exactly what is wanted."""
    parts = [f"uses {key}, which it must not any more" for key in sorted(used.keys - wanted.keys)]
    parts += [f"does not use {key} yet" for key in sorted(wanted.keys - used.keys)]
    parts += [
        f"has not taken {name} as it is now"
        for name, made in wanted.made.items()
        if abs(used.made.get(name, 0.0) - made) > APART_SECONDS
    ]
    return ", ".join(parts)
