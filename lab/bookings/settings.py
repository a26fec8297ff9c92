"""What an operator decides about one instance of the service, read from one file."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path  # noqa: TC003 - get_type_hints needs it
from typing import Any, get_type_hints

PREFIX = "BOOKINGS_"


class SettingsError(Exception):
    """The settings file cannot be used; the message says which line or name is wrong, never a value."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One instance of the service. Each field `x` is the line `BOOKINGS_X=` of the settings file."""

    database_host: str
    database_name: str
    secrets: Path  # the folder of the files that `secret` reads
    database_port: int = 5432
    listen: str = "0.0.0.0"  # noqa: S104 - the load balancer comes from another machine
    port: int = 8000
    pool_min: int = 4
    pool_max: int = 10
    drain_seconds: float = 2.0
    token_seconds: int = 900  # how long a customer stays signed in
    colour: str = ""  # which of the two instances on its host this is; empty where there is but one


def read_settings(path: Path) -> Settings:
    """Return the settings in the file: lines `BOOKINGS_NAME="value"`, quoted as JSON strings, `#` for comments.

    The file is read here and not put into the process's environment by systemd: what is not in the environment
    cannot be seen in /proc or be inherited by a child.

    Raises:
        SettingsError: a line cannot be read, or a name is unknown or missing.
    """
    kinds = get_type_hints(Settings)
    values: dict[str, Any] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, text = line.partition("=")
        field = name.removeprefix(PREFIX).lower()
        if not name.startswith(PREFIX) or field not in kinds:
            raise SettingsError(f"{path}: line {number}: unknown name {name}")
        try:
            values[field] = kinds[field](json.loads(text))
        except (ValueError, TypeError):
            raise SettingsError(f"{path}: line {number}: {name} is not a JSON string or number") from None
    required = {field.name for field in fields(Settings)[:3]}
    if missing := sorted(required - values.keys()):
        raise SettingsError(f"{path}: missing: {', '.join(PREFIX + name.upper() for name in missing)}")
    return Settings(**values)
