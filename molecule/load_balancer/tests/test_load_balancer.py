"""The balancer in front of a real database server: one that leads, stands by, hangs, is cut off and readmitted."""

from __future__ import annotations

import csv
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testinfra.host import Host

    from conftest import Hosts

UNIT = "postgresql@15-main"


def seen(host: Host) -> tuple[str, str]:
    """How the balancer sees the database server: its status, and what the last check found."""
    answer = host.check_output("echo 'show stat' | socat stdio /run/haproxy/admin.sock")
    rows = csv.DictReader(answer.removeprefix("# ").splitlines())
    row = next(row for row in rows if row["pxname"] == "database" and row["svname"] not in ("FRONTEND", "BACKEND"))
    return row["status"].split()[0], row["check_status"].lstrip("* ")


def sees(host: Host) -> Callable[[], tuple[str, str]]:
    return lambda: seen(host)


def through_the_balancer(question: str) -> str:
    """A psql command that signs in through the balancer, as the application does."""
    return f"psql -XAtqw -d 'host=127.0.0.1 port=6432 user=balancer dbname=postgres connect_timeout=2' -c '{question}'"


@pytest.fixture
def standby(host: Host) -> Iterator[None]:
    """The database server is a standby, until the test ends."""
    signal = "/var/lib/postgresql/15/main/standby.signal"
    host.check_output(f"runuser -u postgres -- touch {signal} && systemctl restart {UNIT}")
    yield
    host.check_output("runuser -u postgres -- psql -XAtqc 'SELECT pg_promote()'")


@pytest.fixture
def frozen(host: Host) -> Iterator[None]:
    """No process of the database server runs, and none has ended, until the test ends."""
    host.check_output(f"systemctl kill --signal=STOP {UNIT}")
    yield
    host.check_output(f"systemctl kill --signal=CONT {UNIT}")


def test_a_primary_gets_connections(host: Host, eventually: Callable[..., None]) -> None:
    eventually(sees(host), ("UP", "L7OK"))
    assert host.check_output(through_the_balancer("SELECT pg_is_in_recovery()")) == "f"


@pytest.mark.usefixtures("standby")
def test_a_standby_is_told_apart_and_gets_no_connections(
    host: Host, hosts: Hosts, eventually: Callable[..., None]
) -> None:
    eventually(sees(host), ("DOWN", "L7STS"))
    assert host.run(through_the_balancer("SELECT 1")).rc != 0
    hosts.follow("look", verb_leaves="{{ __load_balancer_standbys }}", verb_expected=[hosts.names["host"]])


@pytest.mark.usefixtures("frozen")
def test_a_server_that_hangs_is_silent_and_no_standby(
    host: Host, hosts: Hosts, eventually: Callable[..., None]
) -> None:
    eventually(sees(host), ("DOWN", "L7TOUT"))
    nobody = "{{ __load_balancer_standbys + __load_balancer_leading }}"
    hosts.follow("look", verb_leaves=nobody, verb_expected=[])


def test_who_is_connected_to_a_server_that_is_cut_off_is_disconnected(
    host: Host, hosts: Hosts, eventually: Callable[..., None]
) -> None:
    eventually(sees(host), ("UP", "L7OK"))
    name = hosts.names["host"]
    hosts.follow("await_primary", load_balancer_primary=name)
    session = through_the_balancer("SELECT pg_sleep(60)")
    host.check_output(f"systemd-run --unit=session {session}")
    eventually(lambda: host.service("session").is_running, True)
    hosts.follow("cut_off", load_balancer_servers=[name])
    assert seen(host)[0] == "MAINT"
    eventually(lambda: host.service("session").is_running, False, within=5)
    assert host.run(through_the_balancer("SELECT 1")).rc != 0


def test_a_server_that_is_cut_off_stays_so_after_a_reload_and_after_a_restart(host: Host, hosts: Hosts) -> None:
    assert seen(host)[0] == "MAINT"
    host.check_output("systemctl reload haproxy")
    time.sleep(1)
    assert seen(host)[0] == "MAINT"
    hosts.follow("keep_state")
    host.check_output("systemctl restart haproxy")
    assert seen(host)[0] == "MAINT"


def test_a_readmitted_server_gets_connections_also_after_a_restart(
    host: Host, hosts: Hosts, eventually: Callable[..., None]
) -> None:
    hosts.follow("readmit", load_balancer_servers=[hosts.names["host"]])
    eventually(sees(host), ("UP", "L7OK"))
    host.check_output("systemctl restart haproxy")
    eventually(sees(host), ("UP", "L7OK"))
