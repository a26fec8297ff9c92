"""One switch, in the running HAProxy and in the file. The answers are those of HAProxy 2.6."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils import haproxy

FILE = "# who serves\nlive blue\nmaintenance off\nretry_after 60\n"
USABLE = """# pxname,svname,status,act,bck,
green_ready,app1,DOWN,1,0,
green_ready,BACKEND,DOWN,0,0,
green_alive,app1,{status},1,0,
green_alive,BACKEND,{status},{act},0,
"""


class Balancer:
    """Answers as HAProxy does, for one map and one pair of backends."""

    def __init__(self, path: Path) -> None:
        self.map = {"live": "blue", "maintenance": "off", "retry_after": "60"}
        self.statistics = USABLE.format(status="UP", act=1)
        self.commands: list[str] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                connection.sendall(self._answer(connection.recv(4096).decode().split()).encode())

    def _answer(self, words: list[str]) -> str:
        self.commands.append(" ".join(words))
        if words[:2] == ["show", "stat"]:
            return self.statistics
        if words[:2] == ["show", "map"]:
            return "".join(f"0x56288d3cf230 {key} {value}\n" for key, value in self.map.items()) + "\n"
        if words[3] not in self.map:
            return "entry not found.\n\n"
        self.map[words[3]] = words[4]
        return "\n"


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Balancer]:
    (tmp_path / "switches.map").write_text(FILE)
    here = os.getcwd()  # noqa: PTH109  a socket's path must be short
    os.chdir(tmp_path)
    yield Balancer(Path("admin.sock"))
    os.chdir(here)


@pytest.fixture
def module(load_module: Callable[[str], ModuleType]) -> ModuleType:
    return load_module("haproxy_switch")


def asked(**more: Any) -> dict[str, Any]:  # noqa: ANN401  as a module gets them
    given = {"key": "live", "value": "green", "backends": [], "within": 0.2}
    return {**given, "path": str(Path("switches.map").resolve()), "socket": "admin.sock", **more}


def test_the_running_balancer_and_the_file_are_both_turned(balancer: Balancer, module: ModuleType) -> None:
    module.turn(asked())
    assert module.look(asked()) == {"running": "green", "kept": "green"}
    assert balancer.map["live"] == "green"
    assert Path("switches.map").read_text() == FILE.replace("blue", "green")
    assert not Path("switches.map.new").exists()


def test_the_running_balancer_is_turned_first(balancer: Balancer, module: ModuleType) -> None:
    Path("switches.map").unlink()
    with pytest.raises(FileNotFoundError):
        module.turn(asked())
    assert balancer.map["live"] == "green"
    assert module.look(asked()) == {"running": "green", "kept": None}


def test_a_switch_that_the_balancer_does_not_know_changes_nothing(balancer: Balancer, module: ModuleType) -> None:
    del balancer.map["live"]
    with pytest.raises(module.NotSwitchedError, match=r"entry not found\. Nothing was changed"):
        module.turn(asked())
    assert Path("switches.map").read_text() == FILE


def test_nobody_is_sent_where_no_server_can_be_used(balancer: Balancer, module: ModuleType) -> None:
    balancer.statistics = USABLE.format(status="DOWN", act=0)
    with pytest.raises(module.NotSwitchedError, match="customers would be refused; nothing was changed"):
        module.await_servers(asked(backends=["green_ready", "green_alive"]))


def test_one_backend_with_a_usable_server_will_do(balancer: Balancer, module: ModuleType) -> None:
    module.await_servers(asked(backends=["green_ready", "green_alive"]))
    assert balancer.commands == ["show stat"]


@pytest.mark.parametrize(
    ("key", "value"), [("live", "red"), ("live", "green; shutdown"), ("maintenance", "True"), ("retry_after", "soon")]
)
def test_a_value_that_makes_no_sense_is_refused(module: ModuleType, key: str, value: str) -> None:
    assert value in module.refusal(key, value)


@pytest.mark.parametrize(("key", "value"), [("live", "green"), ("maintenance", "on"), ("retry_after", "120")])
def test_a_value_that_makes_sense_is_taken(module: ModuleType, key: str, value: str) -> None:
    assert module.refusal(key, value) is None


def test_a_switch_that_was_missing_in_the_file_is_added() -> None:
    assert haproxy.with_switch("live blue\n", "retry_after", "60") == "live blue\nretry_after 60\n"


def test_only_the_switch_itself_is_replaced() -> None:
    assert haproxy.with_switch("# live\nlive blue\nlively 1\n", "live", "green") == "# live\nlive green\nlively 1\n"


def test_the_running_switches_are_read_from_the_map() -> None:
    shown = "0x56288d3cf230 live blue\n0x56288d3cf280 maintenance off\n0x56288d3cf2d0 retry_after 60\n\n"
    assert haproxy.running_switches(shown) == {"live": "blue", "maintenance": "off", "retry_after": "60"}
