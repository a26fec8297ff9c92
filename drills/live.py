"""Shows a drill while it runs: a live picture on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from drills.journal import LEDGER
from drills.workloads.ledger import LedgerTail

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from drills.journal import Entry
    from drills.run import Run

_LINES = 14
_REFRESH_SECONDS = 0.25
_QUIET = {"opened", "looked", "workload_ended"}
_STYLES = {
    "fault_started": "bold red",
    "fault_confirmed": "red",
    "fault_unconfirmed": "bold red",
    "detected": "yellow",
    "runbook_started": "cyan",
    "heal_started": "magenta",
    "heal_ended": "magenta",
    "story_ended": "bold red",
    "aborted": "bold red",
    "closed": "bold",
}


class Screen(Protocol):
    """What shows a run."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, entry: Entry) -> None:
        """One thing happened."""

    def say(self, line: str) -> None:
        """Tell the people who watch."""

    def follow(self, run: Run) -> None:
        """Show the customers' luck as well, from now on."""


def screen() -> Screen:
    """A live picture where somebody sits at a terminal, else plain lines."""
    console = Console(stderr=True, highlight=False)
    automated = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
    return LivePicture(console) if console.is_terminal and not automated else PlainLines(console)


class PlainLines:
    """One line for each thing that happened."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._states: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left to end."""

    def show(self, entry: Entry) -> None:
        """Print it, if it is worth a line."""
        line = sentence(entry, self._states)
        if line is not None:
            self._console.print(Text(f"{entry.t:9.3f} s  {line}", _STYLES.get(entry.kind, "")), soft_wrap=True)

    def say(self, line: str) -> None:
        """Print the line."""
        self._console.print(Text(line, "bold"), soft_wrap=True)

    def follow(self, run: Run) -> None:
        """Plain lines do not show rates."""


class LivePicture:
    """The last things that happened, and above them the customers' luck, drawn four times a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(Text(), console=console, auto_refresh=False, transient=False)
        self._lines: list[Text] = []
        self._states: dict[str, str] = {}
        self._run: Run | None = None
        self._luck = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._draw_on, name="live", daemon=True)

    def __enter__(self) -> Self:
        self._live.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(1.0)
        self._live.update(self._picture(), refresh=True)
        self._live.stop()

    def show(self, entry: Entry) -> None:
        """Add it to the picture, if it is worth a line."""
        line = sentence(entry, self._states)
        if line is not None:
            self._lines.append(Text(f"{entry.t:9.3f} s  {line}", _STYLES.get(entry.kind, ""), no_wrap=True))

    def say(self, line: str) -> None:
        """Add the line to the picture."""
        self._lines.append(Text(line, "bold"))

    def follow(self, run: Run) -> None:
        """Show the rates of good and bad answers of this run."""
        self._run = run

    def _draw_on(self) -> None:
        tail: LedgerTail | None = None
        while not self._ended.wait(_REFRESH_SECONDS):
            run = self._run
            if run is not None:
                tail = tail or LedgerTail(run.folder / LEDGER)
                good, bad = tail.rate(run.now())
                self._luck = f"answers of the last second: {good} good, {bad} bad"
            self._live.update(self._picture(), refresh=True)

    def _picture(self) -> Group:
        head = Table.grid(padding=(0, 2))
        states = "   ".join(f"{host} {state}" for host, state in sorted(self._states.items()))
        head.add_row(Text(self._luck, "bold"), Text(states))
        return Group(head, *self._lines[-_LINES:])


def sentence(entry: Entry, states: dict[str, str]) -> str | None:
    """What people are told of an entry, or None where it is not worth a line.

    `states` holds the last state seen of each host, and is brought up to date.
    """
    if entry.kind == "looked":
        return _change(entry, states)
    if entry.kind in _QUIET:
        return None
    words = _WORDS.get(entry.kind, _plainly)
    return words(entry).strip()


def _change(entry: Entry, states: dict[str, str]) -> str | None:
    host, state = str(entry.get("host")), str(entry.get("state"))
    before, states[host] = states.get(host), state
    return f"{host} is {state} now (was {before})" if before not in {None, state} else None


def _plainly(entry: Entry) -> str:
    return f"{entry.kind.replace('_', ' ')} {entry.get('because') or ''}"


def _task(entry: Entry) -> str:
    took = float(entry.get("ended", 0.0)) - float(entry.get("started", 0.0))
    because = f": {entry.get('because')}" if entry.get("because") else ""
    return f"  {entry.get('outcome'):11} {entry.get('host'):8} {entry.get('task')} ({took:.2f} s){because}"


def _read_back(entry: Entry) -> str:
    whole = "" if entry.get("complete") else ", incomplete"
    return f"read back, round {entry.get('round')}: {len(entry.get('rows') or [])} bookings{whole}"


def _meant(entry: Entry) -> str:
    """What is to become of a runbook that is not meant to end well."""
    if entry.get("must_fail") is not None:
        return f" (must fail, saying “{entry.get('must_fail')}”)"
    return f" (to be interrupted at “{entry.get('interrupted_at')}”)" if entry.get("interrupted_at") else ""


def _ended(what: str) -> Callable[[Entry], str]:
    def words(entry: Entry) -> str:
        code = entry.get("exit_code")
        return f"{entry.get(what)}: {'done' if code == 0 else f'exit code {code}'} {entry.get('because') or ''}"

    return words


_WORDS: dict[str, Callable[[Entry], str]] = {
    "gate": lambda e: f"gate {e.get('probe')}: {'open' if e.get('ok') else 'CLOSED'}, {e.get('because')}",
    "workload_started": lambda e: f"{e.get('workload')}: {e.get('per_second'):g} requests a second begin",
    "cure_registered": lambda e: f"cure registered: {e.get('cure')} ({e.get('playbook')})",
    "fault_started": lambda e: f"FAULT {e.get('fault')}: {', '.join(e.get('targets') or [])}",
    "fault_confirmed": lambda e: f"fault confirmed on {e.get('host')}: {e.get('because')}",
    "fault_unconfirmed": lambda e: f"fault on {e.get('host')} NOT confirmed: {e.get('because')}",
    "detected": lambda e: f"detected: {e.get('probe')}, {e.get('because')}",
    "not_detected": lambda e: f"not detected: {e.get('probe')}, {e.get('because')}",
    "runbook_started": lambda e: f"runbook {e.get('runbook')}{_meant(e)}: {e.get('command')}",
    "runbook_ended": _ended("runbook"),
    "task": _task,
    "waited": lambda e: f"{e.get('probe')}: {'yes' if e.get('ok') else 'NO'}, {e.get('because')}",
    "story_ended": lambda e: f"the story ends early: {e.get('because')}",
    "cure_applied": _ended("cure"),
    "heal_ended": lambda e: f"heal: {e.get('heal')}, {e.get('because')}",
    "read_back": _read_back,
    "closed": lambda e: f"the drill is {e.get('status')}",
}
