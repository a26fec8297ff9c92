"""The database is lost with all its copies: no data, no settings, on no host of it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from drills.faults.fault import FaultError, cure_of
from drills.faults.script import ScriptedFault
from drills.probes.reading import Reading, look_until

if TYPE_CHECKING:
    from drills.cure import Cure
    from drills.site import Host

_CONFIRM_SECONDS = 5.0
ASIDE = "lost_in_drill"

_ARGUMENTS = "unit=$1; shift\n"
# What is lost is only moved out of everybody's reach, so that it can be put back. What lies there from another drill is
# the one copy of something, and is never overwritten.
_LOSE = f"""set -eu
for path in "$@"; do
  if test -e "$path" && test -e "$path.{ASIDE}"; then echo "$path.{ASIDE} is there already" >&2; exit 1; fi
done
systemctl kill --signal=SIGKILL -- "$unit" 2>/dev/null || true
systemctl stop -- "$unit" pgbackrest
for path in "$@"; do if test -e "$path"; then mv -- "$path" "$path.{ASIDE}"; fi; done
"""
_LEFT = """left=
for path in "$@"; do if test -e "$path"; then left="$left $path"; fi; done
if systemctl is-active --quiet -- "$unit"; then left="$left and $unit runs"; fi
echo "left:${left:- nothing}"
test -z "$left"
"""


@dataclass(frozen=True)
class _HostLost(ScriptedFault):
    """One of the hosts, which loses all of it."""

    BEGIN: ClassVar[str] = _ARGUMENTS
    HARM: ClassVar[str] = _LOSE
    LOOK: ClassVar[str] = _LEFT
    CURE: ClassVar[str] = "database_put_back"

    @property
    def targets(self) -> tuple[str, ...]:
        """The data."""
        return (f"{self.arguments[1]} on {self.host}",)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The unit, and what is lost with it."""
        version = self.host.variables.get("postgresql_version", 15)
        return (
            f"postgresql@{version}-main",
            *(f"/var/lib/postgresql/{version}/main", "/etc/postgresql", "/etc/pgbackrest"),
        )

    def problem(self) -> str:
        """Hurt, and say what stood against it, if anything."""
        try:
            self.inject()
        except FaultError as error:
            return str(error)
        return ""


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
        return tuple(target for lost in self._each for target in lost.targets)

    def inject(self) -> None:
        """Kill each server and put its files out of reach, on all hosts at the same time."""
        self._moment[:] = [time.time()]
        with ThreadPoolExecutor(max_workers=len(self.hosts)) as pool:
            problems = [problem for problem in pool.map(_HostLost.problem, self._each) if problem]
        if problems:
            raise FaultError("; ".join(problems))

    def confirm(self) -> Reading:
        """No host has the files any more, and no server runs."""
        return look_until(self._look, seconds=_CONFIRM_SECONDS)

    def cure(self) -> Cure:
        """Put everything back if nothing was rebuilt, else remove what was put aside."""
        return cure_of(self, _HostLost.CURE, limit=":".join(host.name for host in self.hosts))

    @property
    def _each(self) -> list[_HostLost]:
        return [_HostLost(host) for host in self.hosts]

    def _look(self) -> Reading:
        with ThreadPoolExecutor(max_workers=len(self.hosts)) as pool:
            seen = list(pool.map(_HostLost.confirm, self._each))
        told = "; ".join(f"{host}: {reading.because}" for host, reading in zip(self.hosts, seen, strict=True))
        return Reading(all(reading.ok for reading in seen), told)
