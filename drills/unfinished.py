"""Runs that ended without having healed, and how another process heals them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from drills import checkout
from drills.cure import outstanding
from drills.errors import UsageError
from drills.heal import heal
from drills.journal import JOURNAL, Entry, JournalWriter, read_journal
from drills.orphans import end_orphans
from drills.plan import rehearse
from drills.probes import View
from drills.run import Run
from drills.scenario import scenario_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from drills.probes import Probe
    from drills.site import Site


def unfinished_runs() -> list[Path]:
    """The folders of all runs that hurt and are not known to be healed, oldest first."""
    return [folder for folder in sorted(checkout.home().glob("*/")) if _is_unfinished(folder)]


def environment_of(run_dir: Path) -> tuple[str, str]:
    """The environment of a run and the path of its inventory.

    Raises:
        UsageError: The folder holds no journal that can be read.
    """
    opened = read_journal(run_dir, tolerate_cut=True).opened
    return str(opened.get("environment")), str(opened.get("inventory"))


def is_healed(entries: Iterable[Entry]) -> bool:
    """Whether everything that these entries hurt is known to be undone."""
    entries = list(entries)
    hurt = any(entry.kind in {"cure_registered", "fault_started"} for entry in entries)
    ended = [entry.get("heal") for entry in entries if entry.kind == "heal_ended"]
    return not hurt or (bool(ended) and ended[-1] == "healed" and not outstanding(entries))


def heal_unfinished(run_dir: Path, site: Site, listener: Callable[[Entry], None], say: Callable[[str], None]) -> bool:
    """End what the run left running, apply the cures that it did not apply, and look whether all is as before.

    The caller holds the environment's lock, so that no live drill is meddled with.

    Returns:
        Whether it is healed now; the run's journal has the particulars.
    """
    journal = read_journal(run_dir, tolerate_cut=True)
    for orphan in end_orphans(run_dir.name):
        say(f"ended {orphan}, which the run had left")
    # After a reboot the monotonic clock began anew; a journal's time does not run backwards.
    anchor = min(float(journal.opened.get("anchor", 0.0)), time.monotonic() - journal.entries[-1].t)
    writer = JournalWriter(run_dir / JOURNAL, anchor)
    run = Run(run_dir, anchor, site, writer, list(journal.entries), [listener], healing=True)
    healed = heal(run, _gate(str(journal.opened.get("scenario")), site), View(site, lambda: None), check=lambda: None)
    if not run.has("closed"):
        run.note("aborted", because="its process ended without a word; healed by `drillbook heal`")
        run.note("closed", status="aborted")
    writer.close()
    return healed


def _gate(scenario: str, site: Site) -> list[Probe]:
    """What the scenario requires; nothing where this version does not know it any more."""
    try:
        return rehearse(scenario_named(scenario), site).gate
    except UsageError:
        return []


def _is_unfinished(folder: Path) -> bool:
    if not (folder / JOURNAL).is_file():
        return False
    try:
        return not is_healed(read_journal(folder, tolerate_cut=True).entries)
    except UsageError:
        return False
