"""Whether the newest backup could be restored at this moment, as the runbook that looks at it says."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from drills.errors import UsageError
from drills.probes.reading import Probe, Reading
from drills.runbook import Following, Order, load_runbook

if TYPE_CHECKING:
    from drills.probes.reading import View
    from drills.site import Site

RUNBOOK = "backup_report"
BACKUP_GROUP = "backup"


def newest_backup_restorable() -> Probe:
    """Backups are young, WAL is archived, and a restore of the newest backup would find all that it needs.

    The answer is that of playbooks/backup_report.yml, which takes a few seconds.
    """
    return Probe("newest_backup_restorable", _look)


def backup_report(site: Site) -> Reading:
    """Follow the runbook backup_report to its end; yes if it found nothing wrong."""
    try:
        host = site.group(BACKUP_GROUP)[0]
        runbook = load_runbook(RUNBOOK)
    except UsageError as error:
        return Reading(ok=False, because=error.message)
    with tempfile.TemporaryDirectory(prefix="drillbook-") as folder:
        order = Order(RUNBOOK, runbook.playbook, site.inventory)
        ended = Following(order, RUNBOOK, Path(folder), lambda _: None).wait(lambda: None)
    return Reading(ended.exit_code == 0, ended.because or f"the newest backup could be restored, as seen from {host}")


def _look(view: View) -> Reading:
    return backup_report(view.site)
