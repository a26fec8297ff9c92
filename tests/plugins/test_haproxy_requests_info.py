"""Customers' requests, as HAProxy 2.6 of the lab told of them, and what they say about a release."""

from collections.abc import Callable
from types import ModuleType

import pytest
from ansible.module_utils.haproxy_requests import Limits, Pending, Request, Watch, is_error, line, pending, percentile

LIMITS = Limits(max_error_percent=5, max_p95_seconds=1, min_requests=50)
SESSIONS = """0x56288d4ae320: [22/Nov/2026:08:01:37.535930] id=0 proto=unix_stream source=unix:1
  flags=0x8, conn_retries=0, conn_exp=<NEVER> conn_et=0x000 srv_conn=(nil), pend_pos=(nil) waiting=0 epoch=0
  frontend=GLOBAL (id=0 mode=tcp), listener=? (id=1) addr=unix:1
  backend=<NONE> (id=-1 mode=-)
  server=<NONE> (id=-1)
  task=0x56288d5b9d00 (state=0x00 nice=-64 calls=2 rate=1 exp=8s tmask=0x1 age=2s)
0x56288d5e75a0: [22/Nov/2026:08:01:37.563131] id=4 proto=tcpv4 source=127.0.0.1:53472
  flags=0xc4a, conn_retries=0, conn_exp=<NEVER> conn_et=0x000 srv_conn=0x56288d3d4bb0, pend_pos=(nil) waiting=0 epoch=0
  frontend=customers (id=2 mode=http), listener=? (id=1) addr=127.0.0.1:80
  backend=blue_ready (id=3 mode=http) addr=127.0.0.1:40382
  server=app2 (id=2) addr=127.0.0.12:8001
  task=0x56288d5e7990 (state=0x00 nice=0 calls=3 rate=1 exp=8s tmask=0x1 age=2s)
  scb=0x56288d50bb00 flags=0x00000011 state=EST endp=CONN,0x56288d5ec460,0x02800001 sub=1
      co1=0x56288d5e7480 ctrl=tcpv4 xprt=RAW mux=H1 data=STRM target=SERVER:0x56288d3d4bb0
"""


def watch(*groups: tuple[int, float, bool], probes: int = 0) -> Watch:
    """A watch at second 10 that saw groups of (how many, seconds each, whether they failed) customers' requests."""
    found = Watch(LIMITS, window=3)
    for number, seconds, failed in groups:
        for _ in range(number):
            found.add(Request(9.5, seconds, failed))
    for _ in range(probes):
        found.add(Request(9.5, 0.01, is_error=False, is_probe=True))
    return found


def test_a_line_of_the_ring_is_understood() -> None:
    told = line("22/Nov/2026:08:01:37.563 127.0.0.1:53472 blue_ready app2 200 6001 --")
    assert told == ("127.0.0.1:53472", "blue_ready", "app2", 200, 6.001, "--")


def test_a_request_that_the_balancer_refused_has_no_server() -> None:
    told = line("22/Nov/2026:08:01:37.563 10.1.2.1:4711 green_alive <NOSRV> 503 0 SC")
    assert told
    assert (told.server, is_error(told.status)) == ("<NOSRV>", True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "22/Nov/2026:08:01:50.078 127.0.0.1:53784 customers <NOSRV> 400 -1 CR",
        "22/Nov/2026:08:01:50.078 127.0.0.1:53784 customers <NOSRV> 408 10000 cR",
        "Unknown command",
    ],
)
def test_what_is_no_request_is_not_counted(text: str) -> None:
    assert line(text) is None


@pytest.mark.parametrize(
    ("status", "bad"), [(200, False), (409, False), (500, True), (504, True), (-1, True), (None, True)]
)
def test_an_error_is_trouble_of_the_service_or_no_answer(status: int | None, bad: bool) -> None:  # noqa: FBT001
    assert is_error(status) is bad


def test_only_customers_wait_for_an_answer() -> None:
    assert pending(SESSIONS) == [Pending(4, "127.0.0.1:53472", "blue_ready")]


def test_the_percentile_is_the_time_of_the_last_of_them() -> None:
    assert percentile(95, [float(number) for number in range(1, 101)]) == 95
    assert percentile(50, [3.0]) == 3.0
    assert percentile(95, []) == 0.0


def test_a_good_release_is_not_condemned() -> None:
    verdict = watch((196, 0.02, False), (4, 0.5, True)).judge(10, is_over=True)
    assert (verdict["breached"], verdict["requests"], verdict["error_percent"]) == (False, 200, 2.0)


def test_errors_condemn_with_figures() -> None:
    verdict = watch((90, 0.02, False), (10, 0.02, True)).judge(10, is_over=False)
    assert verdict["breached"]
    assert verdict["because"] == "10 of 100 requests failed (10 %), and 5 % are allowed"


def test_slow_answers_condemn_with_figures() -> None:
    verdict = watch((90, 0.02, False), (10, 1.5, False)).judge(10, is_over=False)
    assert verdict["breached"]
    assert verdict["because"] == "10 of 100 requests took more than 1 s; 95 of 100 were answered within 1.5 s"


def test_requests_without_an_answer_condemn_although_every_answer_was_good() -> None:
    found = watch((100, 0.02, False))
    hung = [Pending(number, f"10.0.0.1:{number}", "green_ready") for number in range(20)]
    found.look(hung, at=8.5)
    found.look(hung, at=10)
    verdict = found.judge(10, is_over=False)
    assert (verdict["breached"], verdict["waiting"]) == (True, 20)
    assert "20 of them still without an answer" in verdict["because"]


def test_requests_that_are_new_at_every_look_do_not_hang() -> None:
    found = watch((100, 0.02, False))
    for at in (7.0, 8.5, 10.0):
        found.look([Pending(int(at * 100) + number, "10.0.0.1:1", "green_ready") for number in range(20)], at)
    assert not found.judge(10, is_over=False)["breached"]


def test_two_bad_ones_of_few_are_not_enough_to_condemn_and_three_are() -> None:
    assert not watch((8, 0.02, False), (2, 0.02, True)).judge(10, is_over=False)["breached"]
    assert watch((8, 0.02, False), (3, 0.02, True)).judge(10, is_over=False)["breached"]


def test_our_own_requests_do_not_water_down_what_enough_customers_get() -> None:
    verdict = watch((54, 0.02, False), (6, 0.02, True), probes=1000).judge(10, is_over=False)
    assert (verdict["requests"], verdict["breached"]) == (60, True)


def test_our_own_requests_count_while_customers_are_few() -> None:
    assert watch((3, 0.02, False), probes=60).judge(10, is_over=True)["requests"] == 63


def test_trouble_that_is_over_does_not_end_the_watch() -> None:
    found = Watch(LIMITS, window=3)
    for _ in range(10):
        found.add(Request(1.0, 0.02, is_error=True))
    for _ in range(500):
        found.add(Request(9.0, 0.02, is_error=False))
    assert not found.judge(10, is_over=False)["breached"]
    assert found.judge(10, is_over=True)["errors"] == 10


def test_trouble_that_is_thin_in_each_window_is_seen_at_the_end() -> None:
    found = Watch(LIMITS, window=3)
    for number in range(100):
        found.add(Request(number / 10, 0.02, is_error=number % 15 == 0))
    assert not found.judge(10, is_over=False)["breached"]
    assert found.judge(10, is_over=True)["breached"]


@pytest.fixture
def module(load_module: Callable[[str], ModuleType]) -> ModuleType:
    return load_module("haproxy_requests_info")


def test_too_few_requests_are_said_to_be_too_few(module: ModuleType) -> None:
    verdict = watch((20, 0.02, False)).judge(10, is_over=True)
    told = module.conclude(verdict, 20, {"min_requests": 50}, 10.0)
    assert told["enough"] is False
    assert told["because"].startswith("only 20 requests were seen, and 50 are needed")


@pytest.mark.parametrize(("seconds", "least", "pace"), [(10, 50, 6), (300, 50, 5), (5, 50, 10), (2, 1000, 10)])
def test_probes_are_a_few_more_in_a_short_watch(module: ModuleType, seconds: float, least: int, pace: float) -> None:
    assert module.pace({"seconds": seconds, "min_requests": least}) == pace
