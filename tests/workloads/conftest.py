"""A bookings service on the loopback, and a run's folder as the engine makes it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

from drills.journal import Journal, JournalWriter, read_journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVER = Path(__file__).with_name("box_office.py")


@dataclass
class Office:
    process: subprocess.Popen[bytes]
    url: str

    def be(self, mood: str) -> dict[str, Any]:
        """Change what the service does; returns what it saw so far."""
        request = Request(f"{self.url}/moods", json.dumps({"mood": mood}).encode())  # noqa: S310  # the loopback
        with urlopen(request, timeout=10) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
        return answer

    def die(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def free_url() -> str:
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def office(free_url: str) -> Iterator[Office]:
    process = subprocess.Popen([sys.executable, str(SERVER), free_url.rpartition(":")[2]])
    office = Office(process, free_url)
    until(lambda: _listens(office))
    yield office
    office.die()


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "20260101T000000Z-db_failover"
    folder.mkdir()
    return folder


@pytest.fixture
def read(run_dir: Path) -> Callable[[], Journal]:
    """Read the run back as the judges do."""

    def read_run() -> Journal:
        if not (run_dir / "journal.jsonl").exists():
            JournalWriter(run_dir / "journal.jsonl", 0.0).note("opened", schema=1)
        return read_journal(run_dir)

    return read_run


def until(holds: Callable[[], object], within_s: float = 20.0) -> None:
    """Wait for what must come; the time is a last resort, not a promise."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    return until


def _listens(office: Office) -> bool:
    try:
        office.be("well")
    except OSError:
        return False
    return True
