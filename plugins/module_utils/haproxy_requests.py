"""Customers' requests as HAProxy's ring tells them, and whether they went well enough.

Pure: no clock and no socket. What was answered comes from the ring, what is not answered yet from the list of sessions:
a request that hangs is in the ring only when it ends, which is too late.
"""

from __future__ import annotations

import math
import re
from itertools import takewhile
from typing import Any, NamedTuple

FIELDS = 7
TROUBLE = 500
PERCENTILE = 95
HEAD = re.compile(r"^0x\w+: \[.*?\] id=(\d+) .*?source=(\S+)")
PART = re.compile(r"^ +(frontend|backend|server)=(\S+)")


class Request(NamedTuple):
    """One request: when it ended, by our clock, and how; `is_probe` when we have sent it ourselves."""

    at: float
    seconds: float
    is_error: bool
    is_probe: bool = False


class Line(NamedTuple):
    """What HAProxy notes of one request."""

    source: str
    backend: str
    server: str
    status: int
    seconds: float
    end: str


class Pending(NamedTuple):
    """A request that is not answered yet; `number` is HAProxy's own, and no other request ever has it."""

    number: int
    source: str
    backend: str


class Limits(NamedTuple):
    """What is good enough."""

    max_error_percent: float
    max_p95_seconds: float
    min_requests: int


def line(text: str) -> Line | None:
    """The request that a line of the ring tells of; None where it tells of none.

    A client that goes away before it has asked, or does not ask in time, counts for nothing (C and c in phase R).
    """
    fields = text.split()
    if len(fields) != FIELDS or not fields[4].lstrip("-").isdigit() or not fields[5].lstrip("-").isdigit():
        return None
    _, source, backend, server, status, milliseconds, end = fields
    if end[0] in "Cc" and end[1] == "R":
        return None
    return Line(source, backend, server, int(status), max(0, int(milliseconds)) / 1000, end)


def is_error(status: int | None) -> bool:
    """Whether an answer is trouble of the service's own, or there is none."""
    return status is None or status < 100 or status >= TROUBLE  # noqa: PLR2004  below 100 HAProxy means: none


def pending(sessions: str) -> list[Pending]:
    """The requests in `show sess all` that customers wait for."""
    found, number, source, parts = [], 0, "", dict[str, str]()
    for text in sessions.splitlines():
        if head := HEAD.match(text):
            number, source, parts = int(head[1]), head[2], {}
        elif part := PART.match(text):
            parts[part[1]] = part[2]
            if part[1] == "server" and parts.get("frontend") == "customers":
                found.append(Pending(number, source, parts.get("backend", "")))
    return found


def percentile(percent: float, seconds: list[float]) -> float:
    """The time within which this share of the requests was answered; 0 where there are none."""
    in_order = sorted(seconds)
    return in_order[math.ceil(len(in_order) * percent / 100) - 1] if in_order else 0.0


class Watch:
    """All requests since the watch began, and what they say."""

    def __init__(self, limits: Limits, window: float) -> None:
        self._limits = limits
        self._window = window
        self._all: list[Request] = []
        self._first_seen: dict[int, float] = {}

    def add(self, request: Request) -> None:
        """Takes in a request that has ended."""
        self._all.append(request)

    def look(self, waiting: list[Pending], at: float) -> None:
        """Takes in which requests wait at this moment: one that is seen twice has lasted at least from then to now."""
        self._first_seen = {each.number: self._first_seen.get(each.number, at) for each in waiting}

    def seen(self) -> int:
        """How many requests have ended, ours among them."""
        return len(self._all)

    def judge(self, at: float, *, is_over: bool) -> dict[str, Any]:
        """The figures of the last window; of the whole watch when it is over and they are not too bad."""
        newest_first = takewhile(lambda each: each.at > at - self._window, reversed(self._all))
        latest = self._figures(list(newest_first), at)
        return self._figures(self._all, at) if is_over and not latest["breached"] else latest

    def _figures(self, ended: list[Request], at: float) -> dict[str, Any]:
        customers = [each for each in ended if not each.is_probe]
        counted = customers if len(customers) >= self._limits.min_requests else ended
        waited = [at - since for since in self._first_seen.values()]
        # One that has not waited for too long yet says nothing so far.
        overdue = [seconds for seconds in waited if seconds > self._limits.max_p95_seconds]
        return figures(counted, overdue, self._limits)


def figures(ended: list[Request], overdue: list[float], limits: Limits) -> dict[str, Any]:
    """What these requests say. Few of them cannot condemn: it takes as many bad ones as would be too many of enough."""
    seconds = [each.seconds for each in ended] + overdue
    errors = sum(each.is_error for each in ended)
    slow = sum(each > limits.max_p95_seconds for each in seconds)
    weight = max(len(seconds), limits.min_requests)
    found: dict[str, Any] = {
        "requests": len(seconds),
        "errors": errors,
        "waiting": len(overdue),
        "error_percent": round(100 * errors / len(seconds), 1) if seconds else 0.0,
        "p50_s": round(percentile(50, seconds), 3),
        "p95_s": round(percentile(PERCENTILE, seconds), 3),
    }
    failing = 100 * errors > limits.max_error_percent * weight
    slowing = 100 * slow > (100 - PERCENTILE) * weight
    return {
        **found,
        "breached": failing or slowing,
        "because": _because(found, limits, (failing, slow if slowing else 0)),
    }


def _because(found: dict[str, Any], limits: Limits, bad: tuple[bool, int]) -> str:
    failing, slow = bad
    failed = f"{found['errors']} of {found['requests']} requests failed ({found['error_percent']:g} %)"
    times = f"95 of 100 were answered within {found['p95_s']:g} s"
    waiting = f", {found['waiting']} of them still without an answer" if found["waiting"] else ""
    reasons = [f"{failed}, and {limits.max_error_percent:g} % are allowed"] if failing else []
    reasons += (
        [f"{slow} of {found['requests']} requests took more than {limits.max_p95_seconds:g} s{waiting}; {times}"]
        if slow
        else []
    )
    return "; ".join(reasons) or f"{failed}, {times}"
