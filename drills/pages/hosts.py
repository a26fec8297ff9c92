"""Says in words on which hosts something happens."""

import re
from collections.abc import Mapping

from drills.pages.filling import Filling


def hosts(pattern: str, filling: Filling, told: Mapping[str, str] | None = None) -> str:
    """A host or a pattern of hosts (`database:!{{ leader }}`) in words; `told` is what is known of groups."""
    host = _filled(pattern, filling)
    if host in {"localhost", "127.0.0.1"}:
        return "the machine you are at"
    first, *others = re.split(r"[:,]\s*(?=[!&\w<])", host)
    signs = {"!": " except ", "&": " that are also in "}
    words = [f"{signs.get(other[0], ', ')}`{other.lstrip('!&')}`" for other in others]
    meaning = f" ({told[first]})" if told and first in told else ""
    return f"`{first}`{meaning}" + "".join(words)


def _filled(pattern: str, filling: Filling) -> str:
    """A pattern, filled in; what it falls back to when nobody is named is Ansible's affair."""
    return str(filling.words(re.sub(r"\s+or\s+'[^']*'", "", pattern)))
