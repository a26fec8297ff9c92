"""Looks whether this controller and this inventory are fit for a drill; changes nothing."""

from __future__ import annotations

import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drills import checkout
from drills.connection import UnreachableError
from drills.errors import UsageError
from drills.out_of_band import OutOfBandError
from drills.probes.backups import BACKUP_GROUP, backup_report
from drills.probes.database import SSH_SECONDS, look_at_all
from drills.unfinished import unfinished_runs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drills.site import Host, Site

Finding = Literal["good", "warning", "bad"]

SLOW_SSH_SECONDS = 0.5
CLOCK_SECONDS = 0.5
FREE_BYTES = 1_000_000_000
_OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and what to do about it."""

    subject: str
    finding: Finding
    because: str
    hint: str = ""


def examine_controller() -> list[Check]:
    """The programs, the disk and the unfinished runs of this machine."""
    return [_python(), *(_program(name) for name in ("ansible-playbook", "podman", "git")), _disk(), *_unfinished()]


def examine_site(site: Site) -> list[Check]:
    """The policy, every host by SSH and out of band, who leads the database, and whether it could be restored."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        checks = [check for found in pool.map(_host, site.hosts.values()) for check in found]
    return [_policy(site), *checks, *_database(site), *_backups(site)]


def worst(checks: Iterable[Check]) -> Finding:
    """The worst finding."""
    findings = {check.finding for check in checks}
    return "bad" if "bad" in findings else "warning" if "warning" in findings else "good"


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    good = sys.version_info[:2] >= _OLDEST_PYTHON
    return Check("python", "good" if good else "bad", version, "" if good else "install Python 3.11 or newer")


def _program(name: str) -> Check:
    path = shutil.which(name)
    if path:
        return Check(name, "good", path)
    return Check(name, "bad" if name == "ansible-playbook" else "warning", "not found", f"install {name}")


def _disk() -> Check:
    home = checkout.home()
    home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home).free
    finding: Finding = "good" if free >= FREE_BYTES else "warning"
    return Check("disk", finding, f"{free / 1e9:.1f} GB free for {home}", "" if finding == "good" else "make room")


def _unfinished() -> list[Check]:
    runs = unfinished_runs()
    if not runs:
        return [Check("runs", "good", "every run was healed")]
    return [Check("runs", "bad", f"{run.name} was not healed", f"drillbook heal {run.name}") for run in runs]


def _policy(site: Site) -> Check:
    if site.drills_allowed:
        return Check(site.environment, "good", f"drills are allowed on {site.inventory}")
    hint = "set drills_allowed: true for all hosts, if they may be broken on purpose"
    return Check(site.environment, "warning", f"{site.inventory} does not allow drills on every host", hint)


def _host(host: Host) -> list[Check]:
    try:
        host.ssh.run("true", timeout=SSH_SECONDS + 3)
        began = time.time()
        answer = host.ssh.run("date +%s.%N", timeout=SSH_SECONDS)
        took = time.time() - began
    except UnreachableError as error:
        return [Check(f"{host}: ssh", "bad", str(error), "drillbook lab up"), _power(host)]
    slow = took > SLOW_SSH_SECONDS
    hint = "look for work that the login shell does at start" if slow else ""
    checks = [Check(f"{host}: ssh", "warning" if slow else "good", f"a command takes {took:.3f} s", hint)]
    return [*checks, _clock(host, float(answer.out) - (began + took / 2)), _power(host)]


def _clock(host: Host, ahead: float) -> Check:
    off = abs(ahead) > CLOCK_SECONDS
    hint = "synchronise the clocks" if off else ""
    return Check(f"{host}: clock", "warning" if off else "good", f"{ahead:+.3f} s from the controller's", hint)


def _power(host: Host) -> Check:
    try:
        state = host.out_of_band.power_state()
    except (UsageError, OutOfBandError) as error:
        return Check(f"{host}: out of band", "warning", str(error).partition("\n")[0], "needed by some faults")
    return Check(f"{host}: out of band", "good" if state == "on" else "bad", f"power is {state}")


def _database(site: Site) -> list[Check]:
    if not site.groups.get("database"):
        return [Check("database", "bad", f"{site.inventory} has no group database", "add it to the inventory")]
    looks = look_at_all(site.group("database"))
    checks = [
        Check(
            f"{seen.host}: postgresql",
            "good" if seen.state in {"primary", "standby"} else "bad",
            f"{seen.state}: {seen.because}",
        )
        for seen in looks
    ]
    leaders = [seen.host for seen in looks if seen.state == "primary"]
    one = len(leaders) == 1
    leads = f"{', '.join(leaders) or 'nobody'} leads"
    return [
        *checks,
        Check("database", "good" if one else "bad", leads, "" if one else "ansible-playbook playbooks/db_rejoin.yml"),
    ]


def _backups(site: Site) -> list[Check]:
    if BACKUP_GROUP not in site.groups:
        return [Check("backups", "warning", f"the inventory has no group {BACKUP_GROUP}", "nothing can be restored")]
    seen = backup_report(site)
    hint = "" if seen.ok else "ansible-playbook playbooks/backup_report.yml"
    return [Check("backups", "good" if seen.ok else "bad", seen.because, hint)]
