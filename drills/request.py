"""Asks a service over HTTP, itself: a proxy of the controller's environment must not stand between."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.request import ProxyHandler, Request, build_opener

if TYPE_CHECKING:
    from http.client import HTTPResponse


def ask(request: str | Request, *, timeout: float) -> HTTPResponse:
    """The answer to a request, or to a GET of an address; to be closed by whoever reads it.

    Raises:
        OSError: Nobody answered within `timeout` seconds, or with an error (urllib's HTTPError).
        ValueError: The address is none.
    """
    answer: HTTPResponse = build_opener(ProxyHandler({})).open(request, timeout=timeout)
    return answer
