"""The database is lost with all its copies: no data, no settings, on no host of it."""

from __future__ import annotations

import shlex
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drills.connection import UnreachableError
from drills.faults.fault import FaultError, cure_of
from drills.probes.reading import Reading, look_until

if TYPE_CHECKING:
    from drills.cure import Cure
    from drills.site import Host

_SECONDS = 20.0
_CONFIRM_SECONDS = 5.0
ASIDE = "lost_in_drill"

# What is lost is only moved out of everybody's reach, so that it can be put back. What lies there from another drill is
# the one copy of something, and is never overwritten.
_LOSE = f"""set -eu
unit=$1; shift
for path in "$@"; do
  if test -e "$path" && test -e "$path.{ASIDE}"; then echo "$path.{ASIDE} is there already" >&2; exit 1; fi
done
systemctl kill --signal=SIGKILL -- "$unit" 2>/dev/null || true
systemctl stop -- "$unit" pgbackrest
for path in "$@"; do if test -e "$path"; then mv -- "$path" "$path.{ASIDE}"; fi; done
"""


@dataclass(frozen=True)
class DatabaseLost:
    """Every one of these database hosts loses the cluster's data and settings, and those of its backups, at once."""

    hosts: tuple[Host, ...]
    _moment: list[float] = field(default_factory=list, repr=False, compare=False)

    @property
    def host(self) -> Host:
        """The first of the hosts."""
        return self.hosts[0]

    @property
    def moment(self) -> float:
        """When it was lost, in seconds since 1970; 0 as long as it is not."""
        return self._moment[0] if self._moment else 0.0

    @property
    def targets(self) -> tuple[str, ...]:
        """The data on each host."""
        return tuple(f"{_paths(host)[0]} on {host}" for host in self.hosts)

    def inject(self) -> None:
        """Kill each server and put its files out of reach, on all hosts at the same time."""
        self._moment[:] = [time.time()]
        with ThreadPoolExecutor(max_workers=len(self.hosts)) as pool:
            problems = [problem for problem in pool.map(_lose, self.hosts) if problem]
        if problems:
            raise FaultError("; ".join(problems))

    def confirm(self) -> Reading:
        """No host has the files any more, and no server runs."""
        return look_until(self._look, seconds=_CONFIRM_SECONDS)

    def cure(self) -> Cure:
        """Put everything back if nothing was rebuilt, else remove what was put aside."""
        return cure_of(self, "database_put_back", limit=":".join(host.name for host in self.hosts))

    def _look(self) -> Reading:
        with ThreadPoolExecutor(max_workers=len(self.hosts)) as pool:
            left = [trace for trace in pool.map(_left, self.hosts) if trace]
        return Reading(not left, "; ".join(left) or f"{len(self.hosts)} hosts have neither data nor settings")


def _unit(host: Host) -> str:
    return f"postgresql@{host.variables.get('postgresql_version', 15)}-main"


def _paths(host: Host) -> tuple[str, ...]:
    version = host.variables.get("postgresql_version", 15)
    return (f"/var/lib/postgresql/{version}/main", "/etc/postgresql", "/etc/pgbackrest")


def _lose(host: Host) -> str:
    """What stood against it, if anything."""
    script = shlex.join(["sudo", "-n", "sh", "-c", _LOSE, "lose", _unit(host), *_paths(host)])
    return _answer(host, script)


def _left(host: Host) -> str:
    """What the host still has, or why that is not known; empty if it has nothing."""
    looks = " || ".join(f"test -e {shlex.quote(path)}" for path in _paths(host))
    running = f"systemctl is-active --quiet {shlex.quote(_unit(host))}"
    return _answer(host, f"if {looks} || {running}; then echo it still has some of it >&2; exit 1; fi")


def _answer(host: Host, command: str) -> str:
    try:
        answer = host.ssh.run(command, timeout=_SECONDS)
    except UnreachableError as error:
        return f"{host}: {error}"
    return "" if answer.exit_code == 0 else f"{host}: {' '.join(answer.err.split())[:200] or answer.exit_code}"
