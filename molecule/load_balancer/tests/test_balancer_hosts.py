"""Application hosts that are drained, admitted and lost; customers who are told to come back later."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from load_balancer.tests.conftest import Service, Shoppers
    from testinfra.host import Host

    from conftest import Hosts

HOSTS = "{{ __load_balancer_releases.colours.blue.hosts | dict2items | selectattr('value.%s') | map(attribute='key') }}"
IN_SERVICE = HOSTS % "in_service"


@pytest.fixture
def lost(host: Host) -> Iterator[Callable[[], None]]:
    """Loses the host app2: from the call on nothing that is sent to it is answered, until the test ends."""
    rules = "table inet lost { chain in { type filter hook input priority 0; ip daddr 127.0.0.12 drop; }; }"
    yield lambda: host.check_output(f"nft '{rules}'") and None
    host.check_output("nft delete table inet lost")


def test_a_host_is_drained_and_its_last_request_is_answered_first(
    service: Service, shoppers: Shoppers, host: Host, hosts: Hosts
) -> None:
    for number in (1, 2):  # one of them goes to each host
        output = f"--property=StandardOutput=truncate:/run/long{number}"
        host.check_output(f"systemd-run --unit=long{number} {output} curl -sS http://127.0.0.1/long")
    shoppers.come(seconds=8, per_second=100)
    hosts.follow("drain", load_balancer_servers=["app1"])
    assert '"app1"' in host.check_output("cat /run/long1 /run/long2")
    before = service.answered("app1", "blue")
    assert set(shoppers.leave()["outcomes"]) == {"blue"}
    assert service.answered("app1", "blue") == before


@pytest.mark.long
def test_a_drained_host_stays_so_in_both_colours_over_reload_restart_and_switch(
    instances: Service, host: Host, hosts: Hosts, eventually: Callable[..., None]
) -> None:
    hosts.follow("look_releases", verb_leaves=IN_SERVICE, verb_expected=["app2"])
    for verb in ("reload", "restart"):
        host.check_output(f"systemctl {verb} haproxy")
        eventually(instances.serving, "blue")
        hosts.follow("look_releases", verb_leaves=IN_SERVICE, verb_expected=["app2"])
    before = instances.answered("app1", "green")
    hosts.follow("switch", load_balancer_colour="green")
    assert [instances.serving() for _ in range(6)] == ["green"] * 6
    assert instances.answered("app1", "green") == before
    hosts.follow("switch", load_balancer_colour="blue")


def test_an_admitted_host_gets_requests_also_after_a_restart(
    instances: Service, host: Host, hosts: Hosts, eventually: Callable[..., None]
) -> None:
    hosts.follow("admit", load_balancer_servers=["app1"])
    host.check_output("systemctl restart haproxy")
    eventually(lambda: instances.seen("blue_ready", "app1")["status"], "UP")
    before = instances.answered("app1", "blue")
    assert [instances.serving() for _ in range(4)] == ["blue"] * 4
    assert instances.answered("app1", "blue") > before
    hosts.follow("look_releases", verb_leaves=IN_SERVICE, verb_expected=["app1", "app2"])


@pytest.mark.usefixtures("service")
def test_a_host_that_does_not_exist_is_not_drained(hosts: Hosts) -> None:
    with pytest.raises(AssertionError, match="app9"):
        hosts.follow("drain", load_balancer_servers=["app9"])


@pytest.mark.long
def test_a_lost_host_fails_no_request_and_makes_few_wait(
    service: Service, shoppers: Shoppers, hosts: Hosts, lost: Callable[[], None], eventually: Callable[..., None]
) -> None:
    shoppers.come(seconds=5, per_second=100)
    time.sleep(1)
    lost()
    began = time.monotonic()
    eventually(lambda: service.seen("blue_ready", "app2")["status"].split()[0], "DOWN", within=3)
    assert time.monotonic() - began < 2
    found = shoppers.leave()
    assert set(found["outcomes"]) == {"blue"}
    assert found["longest_s"] < 1
    hosts.follow("look_releases", verb_leaves=HOSTS % "reachable", verb_expected=["app1"])


def test_maintenance_tells_customers_when_to_come_back_and_leaves_the_health_check_alone(
    service: Service, host: Host, hosts: Hosts, eventually: Callable[..., None]
) -> None:
    assert hosts.follow("maintenance", load_balancer_maintenance="on", load_balancer_retry_after=120) > 0
    for verb in ("reload", "restart"):
        answer = service.ask()
        assert answer.startswith("HTTP/1.1 503")
        assert "retry-after: 120" in answer.lower()
        assert answer.endswith('{"error":"maintenance","written":false}')
        assert service.ask("/healthz").startswith("HTTP/1.1 200")
        host.check_output(f"systemctl {verb} haproxy")
        eventually(lambda: service.ask("/healthz").startswith("HTTP/1.1 200"), True)
    assert service.serving() == "503"
    assert hosts.follow("maintenance", load_balancer_maintenance="off") == 1
    assert service.serving() == "blue"
