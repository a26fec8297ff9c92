"""Faults of a release, against a real file and a real HTTP service."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from drills import checkout
from drills.connection import Answer, UnreachableError
from drills.faults import ReleaseTampered, RequestOfDeath
from drills.faults.fault import FaultError
from drills.site import Host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("death", "store"):
        monkeypatch.setattr(f"drills.faults.{module}._CONFIRM_SECONDS", 0.0)


@dataclass
class Service:
    """Two instances behind a balancer that takes them in turn; each may be killed by a request, if `mortal`."""

    mortal: bool = True
    customers: list[str] = field(default_factory=list)
    dead: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""

    def book(self, wish: dict[str, Any]) -> int:
        with self.lock:
            self.customers.append(wish["customer"])
            instance = len(self.customers) % 2
            if instance in self.dead:
                return 500
            if wish["customer"] == "query-of-death" and self.mortal:
                self.dead.add(instance)
            return 201


@pytest.fixture
def service() -> Iterator[Service]:
    played = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(201 if self.path == "/v1/events" else played.book(body))
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    played.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield played
    server.shutdown()
    server.server_close()


def balancer(url: str) -> Host:
    return Host("lb1", {"bookings_url": url})


def test_it_is_sent_until_every_instance_had_it(service: Service) -> None:
    fault = RequestOfDeath(balancer(service.url))
    assert not fault.confirm().ok
    fault.inject()
    assert service.dead == {0, 1}
    assert fault.confirm().ok
    assert service.customers.count("query-of-death") < 50


def test_a_release_that_survives_it_was_not_hurt(service: Service) -> None:
    service.mortal = False
    fault = RequestOfDeath(balancer(service.url))
    with pytest.raises(FaultError, match="still takes bookings"):
        fault.inject()
    assert not fault.confirm().ok


def test_a_service_that_nobody_reaches_is_neither_hurt_nor_confirmed() -> None:
    fault = RequestOfDeath(balancer("http://127.0.0.1:1"))
    with pytest.raises(FaultError, match="Connection refused"):
        fault.inject()
    assert not fault.confirm().ok
    with pytest.raises(FaultError, match="no bookings_url"):
        RequestOfDeath(Host("lb1")).inject()


def test_its_cure_works_on_every_application_host() -> None:
    cure = RequestOfDeath(balancer("http://127.0.0.1:1")).cure()
    assert (cure.limit, cure.of_fault) == ("application", True)
    assert (checkout.ROOT / cure.playbook).is_file()


@dataclass
class Shell:
    """A host whose commands run here, without becoming another user."""

    reachable: bool = True

    def run(self, command: str, *, timeout: float) -> Answer:
        if not self.reachable:
            raise UnreachableError("no route")
        plain = command.removeprefix("sudo -n ")
        done = subprocess.run(["sh", "-c", plain], capture_output=True, text=True, check=False, timeout=timeout)
        return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("drills.faults.store.STORE", str(tmp_path))
    content = os.urandom(1001)
    path = tmp_path / f"{hashlib.sha256(content).hexdigest()}.tar.gz"
    path.write_bytes(content)
    return path


def tampered(artifact: Path, shell: Shell | None = None) -> ReleaseTampered:
    store = Host("backup1")
    store.__dict__["ssh"] = shell or Shell()
    return ReleaseTampered(store, f"sha256:{artifact.name.partition('.')[0]}")


@pytest.mark.parametrize("times", [1, 2, 3])
def test_one_byte_in_the_middle_is_another_and_the_original_is_kept(artifact: Path, times: int) -> None:
    fault, original = tampered(artifact), artifact.read_bytes()
    assert not fault.confirm().ok
    for _ in range(times):
        fault.inject()
    assert fault.confirm().ok
    now = artifact.read_bytes()
    assert [at for at, byte in enumerate(now) if byte != original[at]] == [500]
    assert artifact.with_name(f"{artifact.name}.before_drill").read_bytes() == original


def test_a_release_that_is_not_there_cannot_be_tampered_with(artifact: Path) -> None:
    artifact.unlink()
    fault = tampered(artifact)
    with pytest.raises(FaultError, match="No such file"):
        fault.inject()
    assert not fault.confirm().ok
    assert not list(artifact.parent.iterdir())


def test_a_store_that_nobody_reaches_is_neither_hurt_nor_confirmed(artifact: Path) -> None:
    fault = tampered(artifact, Shell(reachable=False))
    with pytest.raises(FaultError, match="no route"):
        fault.inject()
    assert not fault.confirm().ok


def test_what_is_no_digest_is_refused(artifact: Path) -> None:
    fault = ReleaseTampered(tampered(artifact).host, shlex.quote("sha256:../x"))
    with pytest.raises(FaultError, match="no digest"):
        fault.inject()


def cured(artifact: Path) -> int:
    """Run the cure on this machine, where the file lies elsewhere and no other user is needed; its exit code."""
    inventory = artifact.parent / "hosts.yml"
    here = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    inventory.write_text(json.dumps({"all": {"hosts": {"backup1": here}}}))
    cure = tampered(artifact).cure()
    playbook = checkout.ROOT / cure.playbook
    variables = {**cure.variables, "cure_release_file": str(artifact)}
    limit = ["--limit", str(cure.limit), "-e", json.dumps(variables)]
    done = subprocess.run(
        ["ansible-playbook", "-i", str(inventory), str(playbook), *limit], capture_output=True, check=False, cwd="/"
    )
    inventory.unlink()
    return done.returncode


def test_the_cure_puts_the_original_back_and_may_run_on_a_whole_one(artifact: Path) -> None:
    original = artifact.read_bytes()
    tampered(artifact).inject()
    assert [cured(artifact), cured(artifact)] == [0, 0]
    assert artifact.read_bytes() == original
    assert [path.name for path in artifact.parent.iterdir()] == [artifact.name]


def test_the_cure_fails_where_no_original_was_kept(artifact: Path) -> None:
    artifact.write_bytes(b"something else")
    assert cured(artifact) != 0
