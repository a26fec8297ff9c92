"""One run: its folder, its clock, its journal, and everybody who listens to it."""

from __future__ import annotations

import getpass
import socket
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from drills import __version__, checkout
from drills.journal import JOURNAL, SCHEMA, Entry, JournalWriter
from drills.scenario import promises

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drills.scenario import Scenario
    from drills.site import Site


@dataclass
class Run:
    """A run that is under way; `entries` are those of its journal, in order.

    While it heals, a journal that cannot be written any more (the disk is full) must not stop it.
    """

    folder: Path
    anchor: float
    site: Site
    journal: JournalWriter
    entries: list[Entry] = field(default_factory=list)
    listeners: list[Callable[[Entry], None]] = field(default_factory=list)
    healing: bool = False

    @property
    def id(self) -> str:
        """The name of the folder, by which the run's processes are known as well."""
        return self.folder.name

    def note(self, kind: str, t: float | None = None, **data: Any) -> Entry:  # noqa: ANN401  # JSON values
        """Append to the journal, on the disk when this returns, and tell the listeners."""
        try:
            entry = self.journal.note(kind, t, **data)
        except OSError:
            if not self.healing:
                raise
            entry = Entry(-1, self.now(), kind, data)
        self.entries.append(entry)
        for listener in self.listeners:
            listener(entry)
        return entry

    def now(self) -> float:
        """Seconds since the run's anchor."""
        return time.monotonic() - self.anchor

    def has(self, kind: str) -> bool:
        """Whether an entry of this kind was noted."""
        return any(entry.kind == kind for entry in list(self.entries))


def open_run(scenario: Scenario, site: Site, operator: str | None, listeners: list[Callable[[Entry], None]]) -> Run:
    """Make the folder of a new run and open its journal."""
    anchor, wall = time.monotonic(), datetime.now(UTC)
    folder = _new_folder(f"{wall:%Y%m%dT%H%M%SZ}-{scenario.name}")
    run = Run(folder, anchor, site, JournalWriter(folder / JOURNAL, anchor), listeners=listeners)
    objectives = site.variables.get("drill_objectives") or {}
    run.note(
        "opened",
        schema=SCHEMA,
        run=run.id,
        scenario=scenario.name,
        title=scenario.title,
        environment=site.environment,
        wall=wall.isoformat(),
        anchor=anchor,
        version=__version__,
        commit=checkout.commit(),
        controller=socket.gethostname(),
        operator=operator or getpass.getuser(),
        judges=promises(scenario, objectives.get(scenario.name) or {}),
        site={name: list(hosts) for name, hosts in site.groups.items() if name not in {"all", "ungrouped"}},
        inventory=str(site.inventory.resolve()),
    )
    return run


def _new_folder(name: str) -> Path:
    """A folder of this name, or with a number behind it when two runs began in the same second."""
    home = checkout.home()
    home.mkdir(parents=True, exist_ok=True)
    stamp, _, scenario = name.partition("-")
    for number in range(1, 1000):
        folder = home / (name if number == 1 else f"{stamp}.{number}-{scenario}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(home / name)
