"""Certificates from a real ACME server, by HTTP-01 and by DNS-01, replaced while customers shake hands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from certificate.tests.conftest import Customers, Site

ENDPOINTS = ("lb1", "db1")
USERS = {"lb1": "root", "db1": "postgres"}
FOLDERS = {"lb1": "/etc/certificates/bookings", "db1": "/etc/certificates/database"}


@pytest.mark.parametrize("short", ENDPOINTS)
def test_what_was_issued_is_served_and_trusted(site: Site, short: str) -> None:
    assert site.served(short) == site.on_disk(short)
    assert site.on_disk(short, "previous") not in {"", site.on_disk(short)}


@pytest.mark.parametrize("short", ENDPOINTS)
def test_the_key_is_where_it_is_used_and_nowhere_else(site: Site, short: str) -> None:
    listing = (
        site.hosts[short].check_output(f"stat --format '%U %a %n' {FOLDERS[short]} {FOLDERS[short]}/*").splitlines()
    )
    modes = dict.fromkeys(["current.pem", "previous.pem"], f"{USERS[short]} 600") | {
        FOLDERS[short]: f"{USERS[short]} 700"
    }
    assert {
        line.rsplit(" ", 1)[1].removeprefix(f"{FOLDERS[short]}/"): line.rsplit(" ", 1)[0] for line in listing
    } == modes
    assert "PRIVATE KEY" not in site.roots.read_text()


def test_nothing_is_published_once_it_is_issued(site: Site) -> None:
    assert "acme-challenge" not in site.balancer("show map /etc/haproxy/challenges.map")
    assert "acme-challenge" not in site.hosts["lb1"].file("/etc/haproxy/challenges.map").content_string
    zone = site.hosts["acme"].check_output("rndc -q sync -clean test; cat /var/lib/bind/test.zone")
    assert "_acme-challenge" not in zone


def test_the_service_behind_the_balancer_heard_nothing_of_it(site: Site) -> None:
    assert "acme-challenge" not in site.hosts["db1"].check_output("journalctl --unit files")


def test_where_nothing_is_due_nothing_is_changed(site: Site) -> None:
    before = [site.served(short) for short in ENDPOINTS]
    assert site.renew() == 0
    assert [site.served(short) for short in ENDPOINTS] == before


@pytest.mark.parametrize(
    ("short", "name"), [("lb1", "bookings"), pytest.param("db1", "database", marks=pytest.mark.long)]
)
def test_no_connection_is_dropped_meanwhile(site: Site, customers: type[Customers], short: str, name: str) -> None:
    before = site.served(short)
    with customers(site, short) as seen:
        site.renew(cert_renewal_force=True, cert_renewal_names=[name])
    assert seen.failures == []
    assert len(seen.serials) >= 50
    after = site.served(short)
    assert before != after
    assert site.on_disk(short, "previous") == before
    # First the one, then the other, and never a third or the first again.
    assert list(dict.fromkeys(seen.serials)) == [before, after]
    assert seen.serials == sorted(seen.serials, key=[before, after].index)


def test_what_haproxy_reads_when_it_starts_is_what_it_serves(site: Site) -> None:
    before = site.served("lb1")
    site.hosts["lb1"].check_output("systemctl reload haproxy")
    assert site.served("lb1") == before


@pytest.mark.long
def test_an_answer_that_is_waited_for_outlives_a_reload(site: Site) -> None:
    path, balancer = "/.well-known/acme-challenge/token", site.hosts["lb1"]
    assert site.answer({path: "token.thumb"}, "present").returncode == 0
    balancer.check_output("systemctl reload haproxy")
    assert balancer.check_output(f"curl -s http://127.0.0.1{path}") == "token.thumb"
    assert site.answer({path: "token.thumb"}, "absent").returncode == 0
    assert "token.thumb" not in balancer.run(f"curl -s http://127.0.0.1{path}").stdout


@pytest.mark.long
def test_a_load_balancer_that_is_down_keeps_nobody_from_a_certificate(site: Site) -> None:
    before, hosts = site.served("lb1"), [site.hosts.names["lb1"], "nobody.invalid"]
    site.renew(cert_renewal_force=True, cert_renewal_names=["bookings"], certificate_challenge_hosts=hosts)
    assert site.served("lb1") != before


@pytest.mark.long
def test_a_certificate_whose_key_leaked_is_revoked_however_often_that_is_interrupted(site: Site) -> None:
    leaked = site.on_disk("lb1")
    for _interrupted in range(2):
        done = site.verb("keep_leaked")
        assert done.returncode == 0, done.stdout + done.stderr
        site.renew(cert_renewal_force=True, cert_renewal_names=["bookings"])
    used = site.served("lb1")
    for _again in range(2):
        done = site.verb("revoke")
        assert done.returncode == 0, done.stdout + done.stderr
    assert site.status(leaked) == "Revoked"
    assert site.status(used) == "Valid"
    assert site.hosts["lb1"].check_output(f"ls {FOLDERS['lb1']}") == "current.pem"
    assert site.served("lb1") == used
