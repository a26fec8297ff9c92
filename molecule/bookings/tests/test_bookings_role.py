"""The service as systemd runs it: alive, ready, taking bookings, and draining when it is stopped."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from testinfra.host import Host

DATABASE = "postgresql@15-main"


def get(host: Host, path: str) -> int:
    """The status of the answer; 0 for none."""
    command = f"curl --silent --output /dev/null --write-out '%{{http_code}}' --max-time 3 http://127.0.0.1:8000{path}"
    return int(host.run(command).stdout)


def post(host: Host, path: str, body: dict[str, Any], key: str = "none") -> tuple[int, dict[str, Any]]:
    """The status of the answer, and its body."""
    command = ["curl", "--silent", "--max-time", "3", "--write-out", r"\n%{http_code}"]
    command += ["--header", f"Idempotency-Key: {key}", "--data", json.dumps(body), f"http://127.0.0.1:8000{path}"]
    answer, status = host.check_output(shlex.join(command)).rsplit("\n", 1)
    return int(status), json.loads(answer)


def test_it_is_alive_and_ready_and_says_its_release(host: Host, eventually: Callable[..., None]) -> None:
    assert get(host, "/healthz") == 200
    eventually(lambda: get(host, "/readyz"), 200)
    said = json.loads(host.check_output("curl --silent http://127.0.0.1:8000/version"))
    assert said["release"] == "1.0.0"
    assert said["schema"]


def test_a_seat_is_sold_once_and_a_repeated_request_changes_nothing(host: Host) -> None:
    assert post(host, "/v1/events", {"id": "opening", "seats": 10})[0] == 201
    wish = {"event": "opening", "seat": 7, "customer": "first"}
    status, booking = post(host, "/v1/bookings", wish, key="one")
    assert status == 201
    assert post(host, "/v1/bookings", wish, key="one") == (200, booking)
    assert post(host, "/v1/bookings", {**wish, "customer": "second"}, key="two") == (409, {"error": "seat_taken"})


def test_without_its_database_it_is_alive_and_not_ready_and_it_recovers(
    host: Host, eventually: Callable[..., None]
) -> None:
    host.check_output(f"systemctl stop {DATABASE}")
    eventually(lambda: get(host, "/readyz"), 503)
    assert get(host, "/healthz") == 200
    host.check_output(f"systemctl start {DATABASE}")
    eventually(lambda: get(host, "/readyz"), 200)


def test_when_it_is_stopped_it_drains_first_and_ends_by_itself(host: Host, eventually: Callable[..., None]) -> None:
    host.check_output("systemctl stop --no-block bookings")
    eventually(lambda: get(host, "/readyz"), 503, within=2)
    assert get(host, "/healthz") == 200, "it left before the balancer could have seen that it is not ready"
    eventually(lambda: host.service("bookings").is_running, False)
    assert host.check_output("systemctl show --property=Result --value bookings") == "success"
    host.check_output("systemctl start bookings")
    eventually(lambda: get(host, "/readyz"), 200)


def test_it_starts_with_the_host_and_its_settings_are_for_nobody_else(host: Host) -> None:
    assert host.service("bookings").is_enabled
    settings = host.file("/etc/bookings/bookings.env")
    assert (settings.user, settings.group, settings.mode) == ("root", "bookings", 0o640)
    assert "only-for-this-scenario" not in host.check_output("systemctl show bookings")
