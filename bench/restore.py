"""How fast a backup is restored, and where the time goes. Run it by `make bench`.

One run on one lab: a database of generated rows grows in steps; at each size it is backed up, and restored and verified
by the playbooks beside the live cluster. At the largest size pgBackRest alone and cp of the same bytes take turns with
them, on the same host and file system.

How to read it. `files` is the playbook's call of pgBackRest and grows with the bytes; `recovery` is the start of the
server until it accepts writes, which grows with the WAL since the backup and is short here; `start`, `plan` and `rest`
are Ansible and its checks, and the same at every size. Against a floor, `whole` says how many times as long the whole
playbook takes, and `files` the same of its call of pgBackRest: near 1 against the inventory's number of processes, or
the role costs throughput. Before each clock starts, what is going to be read is dropped from the page cache of this
machine (a disk that caches by itself is not emptied); except for `cp, to the page cache` each ends when its files are
synced. The bucket's own server keeps its objects in memory. Other work on the machine spoils all of it: see the load.

Afterwards the database is gone, and each repository has one full backup, made of the lab as it is then; earlier ones
are expired. The durations that later plans estimate by (/var/log/pgbackrest/durations.jsonl) stay.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from generated_database import DatabaseError, GeneratedDatabase
from plain_restore import REPOSITORY, BackupHost, HostError
from restore_figures import GB, Step, floors, growth, sizes
from restore_phases import PhaseError, restored, verified

from drills import checkout
from drills.connection import UnreachableError
from drills.interruption import Interruption, StoppedError
from drills.lock import LockedError, environment_lock
from drills.runbook import Following, Order, Task
from drills.site import read_site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drills.site import Site

INVENTORY = checkout.ROOT / "inventories" / "lab"
CLUSTER = {"backup_restore_cluster": "bench", "backup_restore_port": 5499, "backup_restore_type": "manifest"}
COUNTED = {"backup_databases": ["bookings", "bench"]}
PROCESSES = (1, 2, 4)
BUCKET = 2
# Three databases with their WAL, two repositories, and two restored copies stand on one disk at the same time.
DISK_FACTOR, DISK_BYTES = 8, 4 * GB


class RoundFailedError(Exception):
    """A playbook failed; the figures so far stand, this round has none."""


FAILURES = (RoundFailedError, DatabaseError, HostError, PhaseError, UnreachableError)


class Playbooks:
    """Runs playbooks against the lab, and keeps what their tasks did."""

    def __init__(self, artifacts: Path) -> None:
        self._artifacts = artifacts

    def run(self, playbook: str, **variables: object) -> tuple[list[Task], float, float]:
        """Run a playbook to its end; returns its tasks, and when it began and ended on their clock.

        Raises:
            RoundFailedError: It failed.
        """
        tasks: list[Task] = []
        order = Order(Path(playbook).stem, checkout.ROOT / playbook, INVENTORY, variables)
        began = time.monotonic()
        followed = Following(order, "bench", self._artifacts, tasks.append).wait(lambda: None)
        if followed.exit_code:
            raise RoundFailedError(f"{playbook} ended with {followed.exit_code}: {followed.because}")
        return tasks, began, time.monotonic()


class Bench:
    """The steps of the bench on one lab. `steps` has what was measured so far."""

    def __init__(self, site: Site, playbooks: Playbooks, interruption: Interruption) -> None:
        self._playbooks, self._interruption = playbooks, interruption
        self._host = BackupHost(site.group("backup")[0], "main")
        self._restored_to = {**CLUSTER, "backup_restore_host": site.group("backup")[0].name}
        self._database = GeneratedDatabase(site)
        self.steps: list[Step] = []

    def check_room(self, largest: float) -> None:
        """Refuse where the disk would run full.

        Raises:
            HostError: It would.
        """
        needed, free = largest * DISK_FACTOR + DISK_BYTES, self._host.free_bytes()
        if free < needed:
            raise HostError(f"{needed / GB:.0f} GB of disk are needed and {free / GB:.0f} GB are free")

    def measure(self, wanted: Sequence[float], rounds: int) -> None:
        """Everything at each size, in bytes."""
        self._playbooks.run("bench/restored_cluster.yml", **CLUSTER)
        self._host.prepare()
        self._database.create()
        for size in wanted:
            step = self._backed_up(size)
            self.steps.append(step)
            for _ in range(rounds):
                self._restore_and_verify(step)
                if size == wanted[-1]:
                    self._take_turns(step)

    def tidy(self) -> None:
        """Bring the lab to what the head of this file promises."""
        self._database.drop()
        self._host.tidy()
        self._playbooks.run("bench/restored_cluster.yml", **CLUSTER)
        self._database.settle()
        self._playbooks.run("playbooks/backup.yml", backup_type="full")
        for repository in (1, BUCKET):
            self._host.keep_newest(repository)

    def _backed_up(self, size: float) -> Step:
        began = time.monotonic()
        grown = self._database.grow(size, self._interruption.check)
        self._database.settle()
        say(f"the database has {grown / GB:.2f} GB", time.monotonic() - began)
        _, began, ended = self._playbooks.run("playbooks/backup.yml", backup_type="full", **COUNTED)
        say("full backup to both repositories", ended - began)
        return Step(self._host.newest_backup(), ended - began)

    def _restore_and_verify(self, step: Step) -> None:
        self._host.chill(REPOSITORY)
        step.restored.append(restored(*self._run("playbooks/backup_restore.yml")))
        say("restore", step.restored[-1].total, f"of it the files {step.restored[-1].files:.1f} s")
        step.verified.append(verified(*self._run("playbooks/backup_verify.yml", backup_verify_drop=True)))
        say("verification", step.verified[-1].total)

    def _take_turns(self, step: Step) -> None:
        for processes in PROCESSES:
            self._interruption.check()
            step.plain.setdefault(processes, []).append(self._host.restore(step.backup, processes))
            say(f"pgbackrest alone, processes: {processes}", step.plain[processes][-1])
        copied, synced = self._host.copy()
        step.copied.append(copied)
        step.copied_and_synced.append(synced)
        say("cp and sync", synced)
        step.from_bucket.append(restored(*self._run("playbooks/backup_restore.yml", backup_restore_repository=BUCKET)))
        say("restore from the bucket", step.from_bucket[-1].total)
        self._playbooks.run("bench/restored_cluster.yml", **CLUSTER)

    def _run(self, playbook: str, **variables: object) -> tuple[list[Task], float, float]:
        self._interruption.check()
        return self._playbooks.run(playbook, **self._restored_to, **variables)


def main() -> int:
    """Measures and prints the figures; 1 when something failed, 3 when it was stopped."""
    asked = _arguments()
    checkout.use_own_ansible()
    try:
        with (
            environment_lock("lab", "the bench of restores"),
            tempfile.TemporaryDirectory() as work,
            Interruption(
                lambda _: say("asked to stop: this step is finished, and then the lab is tidied")
            ) as interruption,
        ):
            return _bench(Playbooks(Path(work)), interruption, [size * GB for size in asked.sizes], asked.rounds)
    except LockedError as error:
        return _refuse(f"{error}; nothing was measured", "wait for its end")


def _bench(playbooks: Playbooks, interruption: Interruption, wanted: Sequence[float], rounds: int) -> int:
    if not (INVENTORY / "group_vars" / "all" / "checkout.yml").is_file():
        return _refuse("the lab is not up; nothing was measured", "drillbook lab up")
    try:
        site = read_site(INVENTORY, checkout.cache())
        bench = Bench(site, playbooks, interruption)
        bench.check_room(wanted[-1])
    except FAILURES as error:
        hint = "free some disk, or name smaller --sizes" if isinstance(error, HostError) else "drillbook lab reset"
        return _refuse(f"{error}; nothing was measured", hint)
    try:
        code = _measured(bench, wanted, rounds)
    finally:
        tidied = _tidied(bench)
        site.close()
    return code if tidied else 1


def _measured(bench: Bench, wanted: Sequence[float], rounds: int) -> int:
    load = os.getloadavg()[0]
    try:
        bench.measure(wanted, rounds)
    except StoppedError as error:
        say(f"stopped by {error}")
        return 3
    except FAILURES as error:
        return _refuse(str(error), "what was printed so far stands")
    _report(bench.steps, load)
    return 0


def _tidied(bench: Bench) -> bool:
    try:
        bench.tidy()
    except FAILURES as error:
        _refuse(f"the lab is not as it was: {error}", "drillbook lab reset")
        return False
    return True


def say(what: str, seconds: float | None = None, more: str = "") -> None:
    """Tell how it goes on, at once."""
    print(f"{what:44}" + (f"{seconds:8.2f} s   {more}" if seconds is not None else ""), flush=True)


def _report(steps: Sequence[Step], load: float) -> None:
    cores = len(os.sched_getaffinity(0))
    said = f"{cores} cores; load average {load:.1f} at the beginning, {os.getloadavg()[0]:.1f} at the end"
    print(f"\nrestore, by its size; medians in seconds ({said})", *sizes(steps), sep="\n")
    print("\nhow it grows", *growth(steps), sep="\n")
    print(f"\n{steps[-1].backup.size / GB:.2f} GB against the floors; nothing of what is read was in the page cache")
    print(*floors(steps[-1]), sep="\n")


def _refuse(cause: str, hint: str) -> int:
    print(f"error: {cause}\nHINT: {hint}", file=sys.stderr)
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.5, 1, 2], help="of the database, in GB, ascending")
    parser.add_argument("--rounds", type=int, default=2, help="of each measurement, at least 1")
    asked = parser.parse_args()
    if asked.sizes != sorted(set(asked.sizes)) or asked.sizes[0] <= 0 or asked.rounds < 1:
        parser.error("sizes must be above 0 and ascend, and rounds be at least 1")
    return asked


if __name__ == "__main__":
    sys.exit(main())
