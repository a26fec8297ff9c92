"""Customers get one colour of two; switching loses no request and outlives the balancer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from load_balancer.tests.conftest import Service, Shoppers
    from testinfra.host import Host

    from conftest import Hosts

RELEASED = "{{ __load_balancer_releases.%s }}"


@pytest.fixture
def on_green(service: Service, hosts: Hosts) -> Iterator[None]:
    """Customers get green, until the test ends."""
    assert hosts.follow("switch", load_balancer_colour="green") == 1
    assert service.serving() == "green"
    yield
    hosts.follow("switch", load_balancer_colour="blue")


def test_two_switches_there_and_two_back_fail_no_request(service: Service, shoppers: Shoppers, hosts: Hosts) -> None:
    shoppers.come(seconds=14, per_second=200)
    for colour in ("green", "blue", "green", "blue"):
        time.sleep(1)
        hosts.follow("switch", load_balancer_colour=colour)
    found = shoppers.leave()
    assert set(found["outcomes"]) == {"blue", "green"}
    assert sum(found["outcomes"].values()) >= 2700
    assert found["longest_s"] < 1
    assert service.serving() == "blue"


def test_a_request_that_is_being_answered_ends_where_it_began(
    service: Service, host: Host, hosts: Hosts, eventually: Callable[..., None]
) -> None:
    before = service.answered("app1", "blue") + service.answered("app2", "blue")
    host.check_output(
        "systemd-run --unit=long --property=StandardOutput=truncate:/run/long curl -sS http://127.0.0.1/long"
    )
    hosts.follow("switch", load_balancer_colour="green")
    assert service.serving() == "green"
    eventually(lambda: '"blue"' in host.check_output("cat /run/long"), True)
    assert service.answered("app1", "blue") + service.answered("app2", "blue") == before + 1


@pytest.mark.long
def test_an_instance_that_is_started_again_fails_no_request_while_the_other_colour_serves(
    service: Service, shoppers: Shoppers, hosts: Hosts
) -> None:
    shoppers.come(seconds=6, per_second=200)
    hosts.follow("switch", load_balancer_colour="green")
    service.stop("app1-blue", "app2-blue")
    assert set(shoppers.leave()["outcomes"]) == {"blue", "green"}
    service.stop("app1-green", "app2-green")
    service.start()


def test_the_second_switch_changes_nothing(service: Service, hosts: Hosts) -> None:
    assert service.serving() == "blue"
    assert hosts.follow("switch", load_balancer_colour="blue") == 0


@pytest.mark.usefixtures("on_green")
def test_the_colour_outlives_a_reload_a_restart_and_another_run_of_the_role(
    service: Service, host: Host, hosts: Hosts, eventually: Callable[..., None]
) -> None:
    host.check_output("systemctl reload haproxy")
    eventually(service.serving, "green")
    host.check_output("systemctl restart haproxy")
    eventually(service.serving, "green")
    hosts.play("molecule/load_balancer/converge.yml")
    assert service.serving() == "green"


def test_nobody_is_sent_where_nobody_answers(
    service: Service, host: Host, hosts: Hosts, eventually: Callable[..., None]
) -> None:
    service.stop("app1-green", "app2-green")
    eventually(lambda: service.seen("green_alive", "BACKEND")["status"], "DOWN")
    with pytest.raises(AssertionError, match="customers would be refused; nothing was changed"):
        hosts.follow("switch", load_balancer_colour="green")
    assert service.serving() == "blue"
    assert host.file("/etc/haproxy/switches.map").contains("live blue")
    service.stop("app1-blue", "app2-blue")
    service.start()


def test_a_look_says_what_each_colour_is_and_whether_file_and_balancer_agree(
    service: Service, host: Host, hosts: Hosts
) -> None:
    service.misbehave("app2-green-not_ready")
    hosts.follow("look_releases", verb_leaves=RELEASED % "colours.green.ready", verb_expected=["app1"])
    hosts.follow(
        "look_releases",
        verb_leaves=RELEASED % "colours.green.hosts.app2.because",
        verb_expected="the file not_ready is there",
    )
    hosts.follow("look_releases", verb_leaves=RELEASED % "colours.blue.release", verb_expected=f"sha256:{'a' * 64}")
    hosts.follow("look_releases", verb_leaves=RELEASED % "agree", verb_expected=True)
    host.check_output("sed -i 's/^live .*/live green/' /etc/haproxy/switches.map")
    hosts.follow("look_releases", verb_leaves=RELEASED % "agree", verb_expected=False)
    assert hosts.follow("switch", load_balancer_colour="blue") == 1
    hosts.follow("look_releases", verb_leaves=RELEASED % "agree", verb_expected=True)


@pytest.mark.long
def test_an_instance_that_hangs_is_seen_to_hang_and_does_not_hold_up_the_look(service: Service, hosts: Hosts) -> None:
    service.signal("STOP", "app1-green")
    began = time.monotonic()
    app1 = "['reachable', 'answers'] | map('extract', __load_balancer_releases.colours.green.hosts.app1) | list"
    hosts.follow("look_releases", verb_leaves="{{ %s }}" % app1, verb_expected=[True, False])  # noqa: UP031  braces
    took = time.monotonic() - began
    service.signal("CONT", "app1-green")
    assert took < 5


@pytest.mark.long
def test_customers_are_served_while_an_instance_is_alive_even_when_none_says_that_it_is_ready(
    service: Service, eventually: Callable[..., None]
) -> None:
    service.misbehave("app1-blue-not_ready")
    service.misbehave("app2-blue-not_ready")
    eventually(lambda: service.seen("blue_ready", "BACKEND")["status"], "DOWN")
    assert service.serving() == "blue"
