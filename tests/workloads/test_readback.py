from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest

from drills.workloads.readback import read_back

if TYPE_CHECKING:
    from tests.workloads.conftest import Office


@pytest.fixture
def sold(office: Office) -> Office:
    """Two and a half pages of bookings."""
    for seat in range(1, 251):
        body = json.dumps({"event": "e", "seat": seat, "customer": "c"}).encode()
        request = Request(  # noqa: S310  # the loopback
            f"{office.url}/v1/bookings", body, {"Idempotency-Key": f"key-{seat}"}
        )
        urlopen(request, timeout=10).close()  # noqa: S310
    return office


def test_every_page_is_read(sold: Office) -> None:
    read = read_back(f"{sold.url}/", "e", 10.0)

    assert read.complete
    assert read.because == "250 bookings read"
    assert [(key, seat) for key, seat, _ in read.rows] == [(f"key-{seat}", seat) for seat in range(1, 251)]


def test_a_page_that_fails_makes_the_read_incomplete(sold: Office) -> None:
    sold.be("page_fails")
    read = read_back(sold.url, "e", 10.0)

    assert not read.complete
    assert len(read.rows) == 100
    assert read.because.startswith("after 100 bookings: 503")


def test_a_cursor_that_comes_twice_ends_the_read(sold: Office) -> None:
    sold.be("loop")

    assert read_back(sold.url, "e", 10.0).because.endswith("the cursor '0' came twice")


def test_a_service_that_drips_does_not_keep_us(office: Office) -> None:
    office.be("drip")
    read = read_back(office.url, "e", 0.5)

    assert not read.complete
    assert read.because == "after 0 bookings: the time for reading back is over"


def test_nobody_there_is_incomplete_and_no_error(free_url: str) -> None:
    assert not read_back(free_url, "e", 1.0).complete
    assert not read_back("nonsense", "e", 1.0).complete


def test_an_empty_event_is_read_completely(office: Office) -> None:
    assert read_back(office.url, "e", 10.0) == (True, "0 bookings read", [])
