"""Answers to HTTP-01 challenges, in the running HAProxy and in its file. The answers are those of HAProxy 2.6."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

TOKEN = "/.well-known/acme-challenge/token"


class Balancer:
    """Answers as HAProxy does, for one map."""

    def __init__(self, path: Path) -> None:
        self.map: dict[str, str] = {}
        self.refuses = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                connection.sendall(self._answer(connection.recv(65536).decode().split()).encode())

    def _answer(self, asked: list[str]) -> str:
        if asked[0] == "show":
            return "".join(f"0x55d1c0 {key} {value}\n" for key, value in self.map.items()) + "\n"
        if self.refuses:
            return "Unknown map identifier. Please use #<id> or <file>.\n\n"
        if asked[0] == "del":
            del self.map[asked[3]]
        else:
            assert (asked[0] == "set") == (asked[3] in self.map)
            self.map[asked[3]] = asked[4]
        return "\n"


@pytest.fixture
def balancer(tmp_path: Path) -> Balancer:
    (tmp_path / "challenges.map").write_text("")
    return Balancer(tmp_path / "admin.sock")


@pytest.fixture
def answer(tmp_path: Path, load_module: Callable[[str], ModuleType]) -> Callable[..., bool]:
    module = load_module("acme_challenge")

    def act(answers: dict[str, str], state: str = "present", *, only_look: bool = False) -> bool:
        places: dict[str, Any] = {"path": str(tmp_path / "challenges.map"), "socket": str(tmp_path / "admin.sock")}
        return bool(module.answer({"answers": answers, "state": state, **places}, only_look=only_look))

    return act


def test_it_is_answered_now_and_after_a_reload_and_then_no_more(
    tmp_path: Path, balancer: Balancer, answer: Callable[..., bool]
) -> None:
    kept = tmp_path / "challenges.map"
    assert answer({TOKEN: "token.thumb"}, only_look=True)
    assert balancer.map == {}
    assert answer({TOKEN: "token.thumb"})
    assert (balancer.map, kept.read_text()) == ({TOKEN: "token.thumb"}, f"{TOKEN} token.thumb\n")
    assert not answer({TOKEN: "token.thumb"})
    assert answer({TOKEN: "token.other"})
    assert answer({TOKEN: "token.other"}, "absent")
    assert (balancer.map, kept.read_text()) == ({}, "")
    assert not answer({TOKEN: "token.other"}, "absent")


def test_what_others_wait_for_stays(tmp_path: Path, balancer: Balancer, answer: Callable[..., bool]) -> None:
    answer({TOKEN: "a", f"{TOKEN}2": "b"})
    answer({TOKEN: "a"}, "absent")
    assert balancer.map == {f"{TOKEN}2": "b"}
    assert (tmp_path / "challenges.map").read_text() == f"{TOKEN}2 b\n"


def test_after_a_restart_that_lost_it_it_is_told_again(balancer: Balancer, answer: Callable[..., bool]) -> None:
    answer({TOKEN: "a"})
    balancer.map.clear()
    assert answer({TOKEN: "a"})
    assert balancer.map == {TOKEN: "a"}


def test_a_refusal_is_told_and_nothing_is_kept(tmp_path: Path, balancer: Balancer, answer: Callable[..., bool]) -> None:
    balancer.refuses = True
    with pytest.raises(Exception, match=r"HAProxy did not add the answer for .*Unknown map identifier"):
        answer({TOKEN: "a"})
    assert (tmp_path / "challenges.map").read_text() == ""


@pytest.mark.parametrize(
    ("asked", "running", "unsettled"),
    [
        ({"state": "absent", "answers": {}}, {"/other": "x"}, []),
        ({"state": "absent", "answers": {TOKEN: "a", f"{TOKEN}2": "b"}}, {TOKEN: "a"}, [TOKEN]),
        ({"state": "absent", "answers": {TOKEN: "a"}}, {"/other": "x"}, []),
        ({"state": "present", "answers": {}}, {}, []),
        ({"state": "present", "answers": {TOKEN: "a", f"{TOKEN}2": "b"}}, {TOKEN: "a"}, [f"{TOKEN}2"]),
        ({"state": "present", "answers": {TOKEN: "a"}}, {TOKEN: "b"}, [TOKEN]),
    ],
)
def test_only_what_was_asked_must_be_as_it_was_asked(
    load_module: Callable[[str], ModuleType], asked: dict[str, Any], running: dict[str, str], unsettled: list[str]
) -> None:
    # A domain that was shown to be ours before is not asked about again, so there may be nothing to answer.
    assert load_module("acme_challenge").unsettled(asked, running) == unsettled
