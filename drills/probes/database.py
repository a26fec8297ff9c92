"""One look at a database host: does PostgreSQL answer, does it lead, and whom does it follow?"""

from __future__ import annotations

import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drills.connection import Answer, UnreachableError
from drills.errors import UsageError
from drills.out_of_band import OutOfBandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drills.site import Host

State = Literal["primary", "standby", "silent", "off", "unreachable"]

SQL_SECONDS = 1
SSH_SECONDS = 2.0
CONSOLE_SECONDS = 5.0
_TIMED_OUT = 124

# The timeline of a primary is that of the WAL file it writes now; pg_control knows it only after a checkpoint.
_LOOK = """
SELECT pg_is_in_recovery(),
  CASE WHEN pg_is_in_recovery()
    THEN coalesce((SELECT received_tli FROM pg_stat_wal_receiver),
                  (SELECT timeline_id FROM pg_control_checkpoint()))
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int
  END,
  (SELECT sender_host FROM pg_stat_wal_receiver WHERE status = 'streaming')
"""


@dataclass(frozen=True)
class Look:
    """What one database host was at one moment."""

    host: str
    state: State
    timeline: int | None
    receiving_from: str | None
    because: str


def look(host: Host, names: Mapping[str, str], *, by_console: bool = False) -> Look:
    """Look once, over SSH, or past the network where SSH is not possible; no longer than about eight seconds.

    Args:
        host: The database host.
        names: The host's name for each address, so that `receiving_from` can be a name.
        by_console: Ask for power first: the host was not reachable just now.
    """
    if by_console and (answered := _past_the_network(host, names)).state == "off":
        return answered
    try:
        return _read(host, host.ssh.run(psql(host, _LOOK), timeout=SSH_SECONDS), names, "")
    except UnreachableError as error:
        past = answered if by_console else _past_the_network(host, names)
        return Look(host.name, past.state, past.timeline, past.receiving_from, f"{error}; {past.because}")


def look_at_all(hosts: Iterable[Host]) -> list[Look]:
    """Look at every host at the same time."""
    hosts = list(hosts)
    names = names_by_address(hosts)
    with ThreadPoolExecutor(max_workers=max(len(hosts), 1)) as pool:
        return list(pool.map(lambda host: look(host, names), hosts))


def names_by_address(hosts: Iterable[Host]) -> dict[str, str]:
    """The name of each host, by its address and by its name."""
    hosts = list(hosts)
    return {host.ssh.address: host.name for host in hosts} | {host.name: host.name for host in hosts}


def psql(host: Host, sql: str, seconds: int = SQL_SECONDS) -> str:
    """The shell command that asks PostgreSQL on this host, and gives up after `seconds`."""
    version = host.variables.get("postgresql_version", 15)
    program = f"/usr/lib/postgresql/{version}/bin/psql"
    return f"timeout {seconds} {program} -XAtq -F '|' -d postgres -c {shlex.quote(' '.join(sql.split()))}"


def _past_the_network(host: Host, names: Mapping[str, str]) -> Look:
    """Ask for power, then at the console."""
    try:
        power = host.out_of_band.power_state()
        if power != "on":
            state: State = "off" if power == "off" else "unreachable"
            return Look(host.name, state, None, None, f"power is {power}")
        login = shlex.quote(str(host.variables.get("ansible_user", "root")))
        answer = host.out_of_band.run(f"runuser -u {login} -- {psql(host, _LOOK)}", timeout=CONSOLE_SECONDS)
    except (OutOfBandError, UsageError) as error:
        return Look(host.name, "unreachable", None, None, str(error))
    return _read(host, answer, names, "by the console: ")


def _read(host: Host, answer: Answer, names: Mapping[str, str], how: str) -> Look:
    if answer.exit_code == _TIMED_OUT:
        return Look(host.name, "silent", None, None, f"{how}no answer to SQL within {SQL_SECONDS} s")
    if answer.exit_code != 0:
        because = " ".join(answer.err.split()) or f"psql ended with exit code {answer.exit_code}"
        return Look(host.name, "silent", None, None, f"{how}{because[:200]}")
    recovering, _, rest = answer.out.strip().partition("|")
    if recovering not in {"t", "f"}:
        return Look(host.name, "silent", None, None, f"{how}psql ended well and answered {answer.out.strip()[:80]!r}")
    timeline, _, sender = rest.partition("|")
    state: State = "standby" if recovering == "t" else "primary"
    sender_name = names.get(sender, sender) or None
    because = f"{how}{state} on timeline {timeline or 'unknown'}"
    return Look(host.name, state, int(timeline) if timeline.isdigit() else None, sender_name, because)
