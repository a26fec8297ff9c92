"""Instances that answer, hang, refuse and cannot be reached, and what is known of them."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.haproxy_instances import Answer, Question, ask_all, colour, get, instance

A, B = (f"sha256:{letter * 64}" for letter in "ab")
# TEST-NET-1: nobody answers there.
NOWHERE = "192.0.2.1"


def answer(code: int, **told: Any) -> Answer:  # noqa: ANN401  any JSON
    return Answer(reached=True, status=code, body=json.dumps(told).encode(), because=f"status {code}")


VERSION = answer(200, release="1.1.0", digest=A, colour="blue", schema={"state": "works"})
REFUSED = Answer(reached=True, status=None, body=b"", because="nothing listens on port 8001")
LOST = Answer(reached=False, status=None, body=b"", because="no connection")


@pytest.fixture
def server() -> Iterator[Callable[[bytes], int]]:
    """Serves these bytes to whoever connects, and then keeps the connection open; returns the port."""
    listeners, held = [], []

    def serve(text: bytes) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                held.append(connection)
                if text:
                    connection.sendall(text)

        threading.Thread(target=accept, daemon=True).start()
        return int(listener.getsockname()[1])

    yield serve
    for each in (*listeners, *held):
        each.close()


def test_an_answer_is_whole_when_its_length_is_there(server: Callable[[bytes], int]) -> None:
    port = server(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}")
    began = time.monotonic()
    assert get("127.0.0.1", port, "/readyz", 0.7) == (True, 503, b"{}", "status 503")
    assert time.monotonic() - began < 0.5


def test_an_instance_that_hangs_is_reached_and_does_not_answer(server: Callable[[bytes], int]) -> None:
    told = get("127.0.0.1", server(b""), "/version", 0.2)
    assert (told.reached, told.status) == (True, None)
    assert "no answer within 0.2 s" in told.because


def test_an_answer_that_does_not_end_is_none(server: Callable[[bytes], int]) -> None:
    told = get("127.0.0.1", server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), "/version", 0.2)
    assert (told.reached, told.status) == (True, None)


def test_what_is_no_http_is_no_answer(server: Callable[[bytes], int]) -> None:
    assert get("127.0.0.1", server(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "/version", 0.2).status is None


def test_a_refused_port_is_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    told = get("127.0.0.1", port, "/version", 0.2)
    assert (told.reached, told.status) == (True, None)


def test_all_are_asked_at_the_same_time(server: Callable[[bytes], int]) -> None:
    hung = server(b"")
    hosts = {f"app{number}": "127.0.0.1" for number in range(10)}
    began = time.monotonic()
    answers = ask_all({**hosts, "lost": NOWHERE}, {"blue": hung, "green": hung}, 0.3, 0.5)
    assert time.monotonic() - began < 1
    assert len(answers) == 44
    assert all(told.status is None for told in answers.values())


def test_an_instance_is_what_it_says() -> None:
    found = instance(VERSION, answer(200, status="ready"), in_service=True)
    assert (found["release"], found["version"], found["schema_state"]) == (A, "1.1.0", "works")
    assert (found["reachable"], found["answers"], found["ready"], found["because"]) == (True, True, True, None)


def test_an_instance_that_is_not_ready_says_why() -> None:
    found = instance(VERSION, answer(503, status="schema_behind", because="0002 is missing"), in_service=True)
    assert (found["answers"], found["ready"], found["because"]) == (True, False, "0002 is missing")


@pytest.mark.parametrize(("told", "reachable"), [(REFUSED, True), (LOST, False)])
def test_an_instance_that_does_not_answer_is_not_ready(told: Answer, reachable: bool) -> None:  # noqa: FBT001
    found = instance(told, told, in_service=True)
    assert (found["reachable"], found["answers"], found["ready"]) == (reachable, False, False)
    assert found["because"] == told.because


def host(release: str | None, *, in_service: bool = True, ready: bool = True) -> dict[str, Any]:
    return {"release": release, "in_service": in_service, "ready": ready, "answers": release is not None}


def test_a_colour_has_a_release_only_where_all_agree_that_are_in_service() -> None:
    assert colour({"app1": host(A), "app2": host(A)})["release"] == A
    assert colour({"app1": host(A), "app2": host(B)})["release"] is None
    assert colour({"app1": host(A), "app2": host(B, in_service=False)})["release"] == A
    assert colour({"app1": host(A), "app2": host(None, ready=False)})["release"] == A
    assert colour({"app1": host(None, ready=False)})["release"] is None


def test_only_hosts_in_service_are_ready_for_customers() -> None:
    hosts = {"app1": host(A), "app2": host(A, in_service=False), "app3": host(A, ready=False)}
    assert colour(hosts)["ready"] == ["app1"]


@pytest.fixture
def module(load_module: Callable[[str], ModuleType]) -> ModuleType:
    return load_module("releases_info")


def test_a_host_is_out_of_service_when_one_of_its_servers_is(module: ModuleType) -> None:
    states = {("blue_ready", "app1"): "drain", ("blue_alive", "app1"): "ready", ("green_ready", "app1"): "ready"}
    assert not module.in_service(states, "app1", "blue")
    assert module.in_service(states, "app1", "green")


def test_answers_are_put_together_by_colour_and_host(module: ModuleType) -> None:
    answers = {
        Question("app1", "blue", "/version"): VERSION,
        Question("app1", "blue", "/readyz"): answer(200, status="ready"),
        Question("app1", "green", "/version"): REFUSED,
        Question("app1", "green", "/readyz"): REFUSED,
    }
    found = module.colours(answers, {})
    assert (found["blue"]["release"], found["blue"]["ready"]) == (A, ["app1"])
    assert (found["green"]["release"], found["green"]["ready"]) == (None, [])


def test_a_live_colour_that_does_not_answer_is_not_gone_back_to(module: ModuleType) -> None:
    record = [
        {"event": event, "release": release, "colour": name}
        for release, name in ((A, "blue"), (B, "green"))
        for event in ("switched", "healthy")
    ]
    assert module.history(record, "green", None)["previous"] == A
    assert module.history(record, "green", B)["previous"] == A
    assert module.history([], "green", None) == {"healthy": [], "previous": None, "last": None}
