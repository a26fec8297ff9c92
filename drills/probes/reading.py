"""What a probe is, what it may see, and what it answers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from drills.probes.customers import Customers
    from drills.site import Site


@dataclass(frozen=True)
class Reading:
    """One look: yes or no, and what was seen."""

    ok: bool
    because: str


@dataclass(frozen=True)
class View:
    """What a probe may look at: the site, and what the running workload's customers see, if one runs."""

    site: Site
    customers: Callable[[], Customers | None]


@dataclass(frozen=True)
class Probe:
    """A question with a name that reads well after "require" and "wait for"."""

    name: str
    look: Callable[[View], Reading]


def look_until(look: Callable[[], Reading], *, seconds: float, every: float = 0.1) -> Reading:
    """Look until the answer is yes, `seconds` at most; the last answer is returned."""
    until = time.monotonic() + seconds
    while not (seen := look()).ok and time.monotonic() < until:
        time.sleep(every)
    return seen
