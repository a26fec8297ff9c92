"""Watching customers' requests: a good release passes, and each way to be bad is seen, early and with figures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from load_balancer.tests.conftest import Service, Shoppers

    from conftest import Hosts

VERDICT = "{{ [__load_balancer_bake.breached, __load_balancer_bake.enough] }}"
SAYS = "{{ __load_balancer_bake.breached and __load_balancer_bake.because is search('%s') }}"
# What a whole run of the verb may take when the watch ends early.
EARLY_S = 8


def bake(hosts: Hosts, leaves: str, expected: object, **variables: object) -> float:
    """Watches, and returns how many seconds the whole run took."""
    began = time.monotonic()
    hosts.follow("bake", verb_leaves=leaves, verb_expected=expected, **variables)
    return time.monotonic() - began


@pytest.mark.usefixtures("service")
def test_a_good_release_passes_when_customers_are_many(shoppers: Shoppers, hosts: Hosts) -> None:
    shoppers.come(seconds=6, per_second=100)
    bake(hosts, VERDICT, [False, True], load_balancer_bake_seconds=4)
    shoppers.leave()


@pytest.mark.usefixtures("service")
@pytest.mark.long
def test_a_good_release_passes_when_customers_sleep(hosts: Hosts) -> None:
    assert bake(hosts, VERDICT, [False, True], load_balancer_bake_seconds=6) > 6


@pytest.mark.usefixtures("service")
@pytest.mark.long
def test_too_few_requests_are_not_enough(hosts: Hosts) -> None:
    few = {"load_balancer_bake_seconds": 2, "load_balancer_bake_min_requests": 1000}
    bake(hosts, VERDICT, [False, False], **few)


def test_errors_end_the_watch_early(service: Service, shoppers: Shoppers, hosts: Hosts) -> None:
    service.misbehave("blue-errors")
    shoppers.come(seconds=4, per_second=100)
    assert bake(hosts, SAYS % "requests failed", True, load_balancer_bake_seconds=20) < EARLY_S
    assert shoppers.leave()["outcomes"]["500"] > 0


@pytest.mark.long
def test_slow_answers_end_the_watch_early(service: Service, shoppers: Shoppers, hosts: Hosts) -> None:
    service.misbehave("blue-slow")
    shoppers.come(seconds=6, per_second=60)
    assert bake(hosts, SAYS % "took more than 1 s", True, load_balancer_bake_seconds=20) < EARLY_S
    shoppers.leave()


def test_an_instance_that_hangs_does_not_look_fine(service: Service, shoppers: Shoppers, hosts: Hosts) -> None:
    service.signal("STOP", "app1-blue")
    shoppers.come(seconds=3, per_second=100)
    took = bake(hosts, SAYS % "still without an answer|requests failed", True, load_balancer_bake_seconds=20)
    service.signal("CONT", "app1-blue")
    shoppers.leave()
    assert took < EARLY_S


@pytest.mark.long
def test_a_service_that_hangs_does_not_look_fine_while_customers_sleep(service: Service, hosts: Hosts) -> None:
    names = ("app1-blue", "app2-blue")
    service.signal("STOP", *names)
    took = bake(hosts, SAYS % "requests failed", True, load_balancer_bake_seconds=20)
    service.signal("CONT", *names)
    assert took < EARLY_S


@pytest.mark.long
def test_what_the_colour_that_was_left_still_answers_does_not_count(
    service: Service, shoppers: Shoppers, hosts: Hosts
) -> None:
    service.misbehave("blue-slow")
    shoppers.come(seconds=8, per_second=100)
    time.sleep(1)
    hosts.follow("switch", load_balancer_colour="green")
    bake(hosts, VERDICT, [False, True], load_balancer_bake_seconds=3)
    shoppers.leave()
