import json

import pytest
from aiohttp import ClientConnectorError, ClientOSError, ServerDisconnectedError
from aiohttp.client_reqrep import ConnectionKey

from drills.workloads.answers import Purpose, no_answer, read_answer, too_late

BOOKED = json.dumps({"booking": "b1", "seat": 1, "server": "db2", "timeline": 3, "release": "sha256:1"}).encode()
KEY = ConnectionKey("lb", 80, is_ssl=False, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)


@pytest.mark.parametrize(
    ("purpose", "status", "body", "outcome", "good"),
    [
        ("book", 201, BOOKED, "acknowledged", True),
        ("book", 201, b"<html>", "acknowledged", False),
        ("book", 200, BOOKED, "acknowledged", False),
        ("book", 409, b'{"error":"seat_taken"}', "refused", False),
        ("book", 422, b"{}", "refused", False),
        ("book", 503, b'{"error":"x","written":false}', "refused", False),
        ("book", 503, b'{"error":"x","written":null}', "indeterminate", False),
        ("book", 503, b"<html>No server is available</html>", "indeterminate", False),
        ("book", 503, b'{"error":"maintenance","written":false}', "refused", False),
        ("book", 503, b'{"error":"maintenance"}', "refused", False),
        ("book", 503, b'{"error":"maintenance","written":null}', "indeterminate", False),
        ("book", 500, b'{"error":"maintenance"}', "indeterminate", False),
        ("book", 500, b'{"written":false}', "indeterminate", False),
        ("book", 302, b"", "indeterminate", False),
        ("book", 202, BOOKED, "indeterminate", False),
        ("rival", 201, BOOKED, "acknowledged", True),
        ("rival", 409, b'{"error":"seat_taken"}', "refused", True),
        ("rival", 503, b'{"error":"x","written":false}', "refused", False),
        ("repeat", 200, BOOKED, "acknowledged", True),
        ("repeat", 201, BOOKED, "acknowledged", False),
        ("repeat", 409, b"{}", "refused", False),
        ("repeat", 200, b"[]", "acknowledged", False),
    ],
)
def test_an_answer_means_what_the_service_promised(
    purpose: Purpose, status: int, body: bytes, outcome: str, *, good: bool
) -> None:
    answer = read_answer(purpose, status, body, "b1")

    assert (answer.outcome, answer.good) == (outcome, good)
    assert (answer.because == "") is good
    assert answer.status == status


def test_who_committed_is_kept() -> None:
    answer = read_answer("book", 201, BOOKED)

    assert (answer.booking, answer.server, answer.timeline, answer.release) == ("b1", "db2", 3, "sha256:1")


@pytest.mark.parametrize("release", [b"", b',"release":null', b',"release":7'])
def test_an_answer_that_names_no_release_has_none(release: bytes) -> None:
    assert read_answer("book", 201, b'{"booking":"b1"' + release + b"}").release is None


@pytest.mark.parametrize(("header", "told"), [("60", "Retry-After 60"), (None, "without a Retry-After")])
def test_announced_maintenance_is_named(header: str | None, told: str) -> None:
    answer = read_answer("book", 503, b'{"error":"maintenance","written":false}', retry_after=header)

    assert answer.because == f"503 instead of 201 (announced maintenance, {told})"


def test_a_repeated_key_that_gets_another_booking_is_not_good_and_says_so() -> None:
    answer = read_answer("repeat", 200, BOOKED, "b0")

    assert not answer.good
    assert answer.because == "the repeated key got booking b1 instead of b0"


def test_a_bad_answer_brings_the_services_own_reason() -> None:
    assert read_answer("book", 503, b'{"error":"no primary"}').because == "503 instead of 201 (no primary)"


def test_only_a_connection_never_made_is_surely_not_written() -> None:
    refused = ClientConnectorError(KEY, ConnectionRefusedError(111, "refused"))

    assert no_answer(refused, 1.0).outcome == "refused"
    for error in (ServerDisconnectedError(), ClientOSError(104, "reset"), TimeoutError(), OSError(113, "route")):
        answer = no_answer(error, 1.0)
        assert (answer.outcome, answer.good, answer.status) == ("indeterminate", False, None)
        assert answer.because


def test_an_answer_after_the_customer_went_proves_nothing() -> None:
    late = too_late(read_answer("book", 201, BOOKED), took_s=1.2, timeout_s=1.0)

    assert (late.outcome, late.good, late.status) == ("indeterminate", False, 201)
    assert late.because == "201 came after 1.200 s; the customer waits 1 s"
