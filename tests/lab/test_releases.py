"""Deploy, rollback, maintenance and scaling, typed as on-call types them, in the situations that on-call is in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import pytest

from tests.lab.cluster import await_true
from tests.lab.terminal import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.cluster import Cluster
    from tests.lab.terminal import Ended, Terminal

pytestmark = pytest.mark.lab

PLAY_FAILED = 2
CREATED, UNAVAILABLE, OK = 201, 503, 200
# Whether the watch sees what it must is for the drills to show.
SHORT_WATCH = ("-e", "load_balancer_bake_seconds=3", "-e", "load_balancer_bake_min_requests=20")
APPLICATIONS = ("app1", "app2")


@pytest.fixture
def deploy(terminal: Terminal, releases: dict[str, str]) -> Callable[..., Ended]:
    """Deploy a release by its name."""

    def done(name: str, *words: str) -> Ended:
        return terminal.playbook("deploy", "-e", f"release_digest={releases[name]}", *SHORT_WATCH, *words)

    return done


@pytest.fixture
def roll_back(terminal: Terminal, service: Cluster, releases: dict[str, str]) -> Callable[[str], Ended]:
    """Roll back, and find customers served by the release of this name."""

    def done(name: str) -> Ended:
        ended = terminal.playbook("rollback")
        assert ended.code == 0, ended
        assert service.version()["digest"] == releases[name], ended
        assert service.book() == CREATED, ended
        return ended

    return done


def test_rollback_needs_neither_the_live_release_nor_every_host(
    terminal: Terminal, service: Cluster, deploy: Callable[..., Ended], roll_back: Callable[[str], Ended]
) -> None:
    succeeded(deploy("1.1.0"))
    colour = service.version()["colour"]
    service.at("app1", f"systemctl kill --signal=SIGSTOP bookings@{colour}")
    service.power_off("app2")
    try:
        ended = roll_back("1.0.0")
        assert "app2 could not be reached" in " ".join(ended.out.split()), ended
    finally:
        service.power_on("app2")
        service.at("app1", f"systemctl kill --signal=SIGCONT bookings@{colour} || true")
    succeeded(terminal.playbook("scale_service", "-e", "scale_service_in=app2"))
    await_true(lambda: serving(service) == set(APPLICATIONS))


def test_rollback_gets_away_from_a_release_that_crashes_again_and_again(
    service: Cluster, deploy: Callable[..., Ended], roll_back: Callable[[str], Ended]
) -> None:
    succeeded(deploy("1.1.0"))
    colour = service.version()["colour"]
    code = f"/opt/bookings/{colour}/bookings/service.py"
    try:
        for host in APPLICATIONS:
            service.at(host, f"cp {code} {code}.kept && echo 'raise SystemExit(1)' > {code}")
            service.at(host, f"systemctl restart bookings@{colour} || true")
        await_true(lambda: service.book() not in {OK, CREATED})
        roll_back("1.0.0")
    finally:
        for host in APPLICATIONS:
            service.at(host, f"mv {code}.kept {code} || true")


@pytest.mark.long
def test_rollback_restores_the_schema_where_the_release_that_is_left_says_so(
    service: Cluster, deploy: Callable[..., Ended], roll_back: Callable[[str], Ended], releases: dict[str, str]
) -> None:
    succeeded(deploy("1.1.0"))
    refused = deploy("1.2.0")
    assert refused.code == PLAY_FAILED, refused
    assert "0003_place.sql breaks the live release" in " ".join(refused.out.split()), refused
    assert service.version()["digest"] == releases["1.1.0"]
    succeeded(deploy("1.2.0", "-e", "deploy_accept_outage=true"))
    assert service.version()["digest"] == releases["1.2.0"]
    assert service.book() == CREATED
    roll_back("1.1.0")
    assert service.version()["schema"]["state"] == "works"
    roll_back("1.0.0")


@pytest.mark.long
def test_what_was_taken_away_is_not_rolled_back_to(
    terminal: Terminal, lab: Cluster, deploy: Callable[..., Ended], releases: dict[str, str]
) -> None:
    try:
        succeeded(deploy("1.1.0"))
        succeeded(deploy("2.0.0"))
        assert terminal.playbook("contract_schema").code == PLAY_FAILED
        succeeded(terminal.playbook("contract_schema", "-e", "contract_schema_confirm=lab"))
        assert lab.book() == CREATED
        refused = terminal.playbook("rollback", "-e", f"release_digest={releases['1.0.0']}")
        assert refused.code == PLAY_FAILED, refused
        assert "took away what releases below schema 2 need" in " ".join(refused.out.split()), refused
        assert lab.version()["digest"] == releases["2.0.0"]
        succeeded(terminal.playbook("rollback"))
        assert lab.version()["digest"] == releases["1.1.0"]
        assert lab.book() == CREATED
    finally:
        terminal.type("lab", "reset")


def test_an_unknown_release_is_refused_and_customers_stay(terminal: Terminal, service: Cluster) -> None:
    before = service.version()
    for playbook in ("deploy", "rollback"):
        refused = terminal.playbook(playbook, "-e", f"release_digest=sha256:{'f' * 64}")
        assert refused.code == PLAY_FAILED, refused
        said = " ".join(refused.out.split())
        assert "the store does not have it" in said, refused
        assert "HINT: " in said, refused
    assert service.version() == before


def test_a_second_deploy_of_the_same_release_says_that_it_is_done(
    service: Cluster, deploy: Callable[..., Ended]
) -> None:
    succeeded(deploy("1.0.0"))
    ended = deploy("1.0.0")
    assert ended.code == 0, ended
    assert "already done" in ended.out, ended
    assert "changed=0" in ended.out, ended
    assert service.book() == CREATED


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "nobody said it was meant"),
        (["-e", "confirm=production"], "production needs both"),
        (["-e", "confirm=production", "-e", "deploy_approved_by=ann"], "production needs both"),
    ],
)
def test_production_asks_who_approved_it_before_it_asks_a_host(
    words: list[str], told: str, terminal: Terminal, releases: dict[str, str]
) -> None:
    production = ROOT / "inventories" / "production"
    refused = terminal.playbook("deploy", "-e", f"release_digest={releases['1.1.0']}", *words, inventory=production)
    assert refused.code == PLAY_FAILED, refused
    said = " ".join(refused.out.split())
    assert told in said, refused
    assert "nothing was changed" in said, refused


def test_maintenance_is_announced_and_ends(terminal: Terminal, service: Cluster) -> None:
    succeeded(terminal.playbook("maintenance", "-e", "maintenance=on", "-e", "maintenance_retry_after=120"))
    try:
        status, headers, body = service.get("/v1/bookings?event=e")
        assert (status, headers["retry-after"], body["error"]) == (UNAVAILABLE, "120", "maintenance")
        assert body["written"] is False
        assert service.get("/healthz")[0] == OK
        service.at("lb1", "systemctl reload haproxy")
        assert service.get("/v1/bookings?event=e")[0] == UNAVAILABLE
    finally:
        succeeded(terminal.playbook("maintenance", "-e", "maintenance=off"))
    assert service.book() == CREATED


def test_a_host_is_taken_out_and_brought_in_and_no_customer_notices(terminal: Terminal, service: Cluster) -> None:
    ended, statuses = Event(), list[int]()

    def book() -> None:
        while not ended.is_set():
            statuses.append(service.book())

    with ThreadPoolExecutor() as pool:
        customers = [pool.submit(book) for _ in range(2)]
        try:
            out = terminal.playbook("scale_service", "-e", "scale_service_out=app2")
            served = serving(service)
            refused = terminal.playbook("scale_service", "-e", "scale_service_out=app1")
            back = terminal.playbook("scale_service", "-e", "scale_service_in=app2")
        finally:
            ended.set()
    for customer in customers:
        customer.result()
    succeeded(out)
    assert served == {"app1"}
    assert refused.code == PLAY_FAILED, refused
    assert "scale_service_minimum is 1" in " ".join(refused.out.split()), refused
    succeeded(back)
    assert serving(service) == set(APPLICATIONS)
    assert set(statuses) == {CREATED}, f"{len(statuses)} bookings"


def succeeded(ended: Ended) -> None:
    assert ended.code == 0, ended


def serving(lab: Cluster) -> set[str]:
    """The application hosts to which HAProxy sends requests of the live colour."""
    colour = lab.version()["colour"]
    table = lab.at("lb1", "echo 'show stat' | socat stdio /run/haproxy/admin.sock")
    rows = [line.split(",") for line in table.splitlines() if line.startswith(f"{colour}_ready,")]
    return {row[1] for row in rows if row[1] in APPLICATIONS and row[17] == "UP"}
