"""The floor: SIGKILL of the primary and an immediate promotion, by a script, as customers see it.

Nothing is detected, checked, fenced or proved here. It is what remains when a runbook takes no time at all.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from drills.journal import JOURNAL, SCHEMA, JournalWriter, read_journal
from drills.measurement import Measurement, measure
from drills.workloads.bookings import bookings
from drills.workloads.workload import Setting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drills.connection import Answer
    from drills.site import Host, Site

UNIT = "postgresql@15-main"
PROGRAMS = "/usr/lib/postgresql/15/bin"
DATA = "/var/lib/postgresql/15/main"
CONFIG = "/etc/postgresql/15/main/postgresql.conf"

STEADY_SECONDS = 1.5  # of undisturbed load before the kill
WATCHED_SECONDS = 4.0  # after the promotion: the measurement wants 2 s without a failed answer


class RoundFailedError(Exception):
    """The cluster did not do what the round needs; the figures so far stand, this round has none."""


def promotion_round(site: Site, folder: Path) -> Measurement:
    """Kill the primary under load and promote a standby at once; returns what the customers saw, in seconds.

    The cluster is whole again when it returns: the killed server follows the new primary.
    """
    killed, promoted, other = _parts(site)
    anchor = time.monotonic()
    journal = JournalWriter(folder / JOURNAL, anchor)
    journal.note("opened", schema=SCHEMA, run=folder.name, anchor=anchor, judges=[])
    url = str(promoted.variables["bookings_url"])
    workload = bookings(per_second=50).start(Setting(folder, folder.name, {"bookings_url": url}, anchor, os.environ))
    time.sleep(STEADY_SECONDS)
    journal.note("fault_started", fault="ServiceKilled", host=killed.name, targets=[killed.name])
    _sudo(killed, f"systemctl kill --signal=SIGKILL {UNIT}")
    _together(
        lambda: _psql(promoted, "SELECT pg_promote(wait => true)"),
        lambda: _psql(
            other,
            f"ALTER SYSTEM SET primary_conninfo = '{_conninfo(promoted, other)}'",
            "SELECT pg_reload_conf()",
        ),
    )
    journal.note("fault_confirmed", fault="ServiceKilled", host=killed.name, because="its processes were killed")
    time.sleep(WATCHED_SECONDS)
    workload.stop()
    journal.note("closed", status="completed")
    journal.close()
    _rejoin(killed, promoted)
    return measure(read_journal(folder))


def _parts(site: Site) -> tuple[Host, Host, Host]:
    """The primary, the standby to promote and the other one."""
    hosts = site.group("database")
    leading = [host for host in hosts if _psql(host, "SELECT pg_is_in_recovery()") == "f"]
    if len(leading) != 1:
        raise RoundFailedError(f"{len(leading)} hosts lead; run playbooks/db_rejoin.yml")
    promoted, other = (host for host in hosts if host is not leading[0])
    return leading[0], promoted, other


def _rejoin(killed: Host, leader: Host) -> None:
    """Make the killed server follow the leader, and wait until both standbys stream."""
    _psql(leader, "CHECKPOINT")  # pg_rewind believes the timeline that the control file has
    _sudo(killed, f"systemctl stop {UNIT}")
    command = f"{PROGRAMS}/pg_rewind --target-pgdata={DATA} --config-file={CONFIG} --write-recovery-conf"
    _sudo(killed, f'-u postgres {command} --source-server="{_conninfo(leader, killed)}"', timeout=60)
    _sudo(killed, f"systemctl start {UNIT}", timeout=60)
    ends = time.monotonic() + 30
    while _psql(leader, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") != "2":
        if time.monotonic() > ends:
            raise RoundFailedError(f"{killed.name} does not stream from {leader.name} after 30 s")
        time.sleep(0.2)


def _conninfo(leader: Host, standby: Host) -> str:
    passfile = "passfile=/var/lib/postgresql/.pgpass"
    return f"host={leader.name} user=replicator dbname=postgres {passfile} application_name={standby.name}"


def _psql(host: Host, *statements: str) -> str:
    commands = " ".join(f'-c "{statement}"' for statement in statements)
    return _sudo(host, f"-u postgres {PROGRAMS}/psql -XAtq {commands}").out.strip()


def _sudo(host: Host, command: str, timeout: float = 30) -> Answer:
    answer = host.ssh.run(f"sudo {command}", timeout=timeout)
    if answer.exit_code:
        raise RoundFailedError(f"{host.name}: {command} ended with {answer.exit_code}: {answer.err.strip()}")
    return answer


def _together(*calls: Callable[[], object]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
