"""Drillbook as its users have it: the command in a process of its own, its exit code, and the run that it left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
DRILLBOOK = (str(Path(sys.executable).with_name("drillbook")),)
SABOTAGE = (sys.executable, str(Path(__file__).with_name("sabotage.py")))
ANSIBLE_PLAYBOOK = str(Path(sys.executable).with_name("ansible-playbook"))
COMMAND_SECONDS = 900.0
MOMENT_SECONDS = 120.0


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        try:
            document: dict[str, Any] = json.loads(self.out)
        except ValueError:
            raise AssertionError(f"no JSON document: {self}") from None
        return document

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return Path(self.document["run_dir"])

    def __str__(self) -> str:
        words = "\n".join(self.err.splitlines()[-15:])
        return f"exit code {self.code}; {self.where}\n{words}\n{self.out[:1500]}"

    @property
    def where(self) -> str:
        """Where to read on."""
        try:
            folder = json.loads(self.out)["run_dir"]
        except (ValueError, KeyError, TypeError):
            return "no run"
        return f"run {folder}, report {folder}/report.md"


class Terminal:
    """Types commands into a shell at the repository's root; its runs go to a folder of the tests' own."""

    def __init__(self, home: Path, inventory: Path) -> None:
        self.home, self.inventory = home, inventory
        self._environment = {**os.environ, "DRILLBOOK_HOME": str(home), "NO_COLOR": "1"}

    def type(self, *words: str, program: tuple[str, ...] = DRILLBOOK, **variables: str) -> Ended:
        """Run a command of drillbook to its end."""
        done = subprocess.run(
            [*program, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
            cwd=ROOT,
            env={**self._environment, **variables},
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def drill(self, scenario: str, *words: str, program: tuple[str, ...] = DRILLBOOK, **variables: str) -> Ended:
        """`drillbook run SCENARIO --json` on the lab."""
        return self.type("run", scenario, "-i", str(self.inventory), "--json", *words, program=program, **variables)

    def playbook(self, name: str, *words: str, inventory: Path | None = None) -> Ended:
        """`ansible-playbook playbooks/NAME.yml -i …`, as in an incident; on the lab if no other inventory is named."""
        where = str(inventory or self.inventory)
        return self.type(f"playbooks/{name}.yml", "-i", where, *words, program=(ANSIBLE_PLAYBOOK,))

    def begin(self, scenario: str) -> RunningDrill:
        """Start a drill and return at once."""
        known = set(self.runs())
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "begun.log").open("w") as said:
            process = subprocess.Popen(
                [*DRILLBOOK, "run", scenario, "-i", str(self.inventory), "--json"],
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=self._environment,
            )
        return RunningDrill(self, process, known)

    def runs(self) -> list[Path]:
        """The folders of all runs."""
        return sorted(self.home.glob("*-*/"))


@dataclass
class RunningDrill:
    """A drill under way, in a process that may be killed at a moment that its own journal tells."""

    terminal: Terminal
    process: subprocess.Popen[bytes]
    known: set[Path]
    _folder: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder of its run, once it is there."""
        while self._folder is None:
            self._folder = next((run for run in self.terminal.runs() if run not in self.known), None)
            self._check()
        return self._folder

    def await_entry(self, wanted: Callable[[dict[str, Any]], bool]) -> None:
        """Return as soon as the journal has an entry that is wanted."""
        until = time.monotonic() + MOMENT_SECONDS
        while not any(wanted(entry) for entry in self.entries()):
            assert time.monotonic() < until, f"never came: run {self.folder}"
            self._check()

    def entries(self) -> list[dict[str, Any]]:
        """The whole lines of the journal."""
        journal = self.folder / "journal.jsonl"
        lines = journal.read_text().split("\n")[:-1] if journal.is_file() else []
        return [json.loads(line) for line in lines]

    def signal(self, number: int) -> int:
        """Send a signal to the command itself, by its id, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(COMMAND_SECONDS)

    def orphans(self) -> list[str]:
        """The processes of this run that still live.

        OpenSSH's shared connections to the hosts are not among them: they end by themselves after a minute.
        """
        return [
            f"{process.pid} {' '.join(process.info['cmdline'] or [])}"
            for process in psutil.process_iter(["environ", "cmdline"])
            if (process.info["environ"] or {}).get("DRILLBOOK_RUN") == self.folder.name
            and "[mux]" not in " ".join(process.info["cmdline"] or [])
        ]

    def _check(self) -> None:
        if self.process.poll() is not None:
            said = (self.terminal.home / "begun.log").read_text()
            raise AssertionError(f"the drill ended before: run {self._folder}\n{said[-1500:]}")
        time.sleep(0.01)
