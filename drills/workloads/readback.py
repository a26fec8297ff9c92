"""Reading every booking of an event back: what is not read completely proves nothing."""

from __future__ import annotations

import json
import time
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode

from drills.request import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = 1000
_CHUNK = 65536

Row = tuple[str, int, str]


class ReadBack(NamedTuple):
    """The rows (key, seat, booking) that the service showed, and whether these were all; if not, why."""

    complete: bool
    because: str
    rows: list[Row]


class _UnreadableError(Exception):
    """The service did not show the next page."""


def read_back(url: str, event: str, timeout_s: float) -> ReadBack:
    """Every booking of the event, page by page, within `timeout_s` for them all.

    Never raises for what the service does: any failure is an incomplete read with its reason, and the rows
    read before it. Rows are as they were shown; one that is shown twice is there twice.
    """
    rows: list[Row] = []
    try:
        for page in _pages(url, event, time.monotonic() + timeout_s):
            rows += page
    except (_UnreadableError, OSError, HTTPException, ValueError) as error:
        because = f"after {len(rows)} bookings: {str(error) or type(error).__name__}"
        return ReadBack(complete=False, because=because, rows=rows)
    return ReadBack(complete=True, because=f"{len(rows)} bookings read", rows=rows)


def _pages(url: str, event: str, until: float) -> Iterator[list[Row]]:
    seen: set[str] = set()
    cursor: object = None
    while True:
        page, cursor = _page(_address(url, event, cursor), until)
        yield page
        if cursor is None:
            return
        if str(cursor) in seen:
            raise _UnreadableError(f"the cursor {cursor!r} came twice")
        seen.add(str(cursor))


def _address(url: str, event: str, cursor: object) -> str:
    query = {"event": event, "limit": str(PAGE)} | ({} if cursor is None else {"after": str(cursor)})
    return f"{url.rstrip('/')}/v1/bookings?{urlencode(query)}"


def _page(address: str, until: float) -> tuple[list[Row], object]:
    """The rows of one page and the cursor of the next, None after the last."""
    answer = json.loads(_body(address, until))
    if not isinstance(answer, dict) or not isinstance(answer.get("bookings"), list) or "next" not in answer:
        raise _UnreadableError(f"no page of bookings: {str(answer)[:80]}")
    return [_row(booking) for booking in answer["bookings"]], answer["next"]


def _row(booking: Any) -> Row:  # noqa: ANN401  # whatever the service put there
    match booking:
        case {"key": str(key), "seat": int(seat), "booking": str(identity)}:
            return key, seat, identity
    raise _UnreadableError(f"no booking: {str(booking)[:80]}")


def _body(address: str, until: float) -> bytes:
    """The body of a 200, read to its end."""
    body = b""
    try:
        with ask(address, timeout=_left(until)) as response:
            if response.status != 200:  # noqa: PLR2004  # HTTP's OK
                raise _UnreadableError(f"{response.status} for {address}")
            while chunk := response.read1(_CHUNK):
                body += chunk
                _left(until)  # a service that drips must not keep us for longer
    except HTTPError as error:
        raise _UnreadableError(f"{error.code} {error.read(80).decode(errors='replace')}".rstrip()) from error
    return body


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise _UnreadableError("the time for reading back is over")
    return left
