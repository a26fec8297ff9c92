"""The host `near` is told to have no more to do with the host `far`, and later that it may again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from testinfra.host import Host

    from conftest import Hosts

FENCED, OTHER = 5432, 5433
CONNECTED, REFUSED = 0, 7  # exit codes of curl; silence would be 28


@pytest.fixture(scope="module", autouse=True)
def far(hosts: Hosts) -> str:
    """The address of the host that is fenced off; it listens on a fenced port and on another one."""
    for port in (FENCED, OTHER):
        hosts["far"].check_output(f"systemd-run --unit=listener-{port} python3 -m http.server {port}")
    return str(hosts.address("far"))


@pytest.fixture
def near(hosts: Hosts) -> Host:
    return hosts["near"]


def connects(near: Host, far: str, port: int) -> int:
    return int(near.run(f"curl --silent --output /dev/null --max-time 1 http://{far}:{port}/").rc)


def test_nobody_is_fenced_off_at_first(near: Host, far: str, eventually: Callable[..., None]) -> None:
    for port in (FENCED, OTHER):
        eventually(lambda port=port: connects(near, far, port), CONNECTED)


def test_a_fenced_host_is_refused_at_once_and_on_the_fenced_port_alone(hosts: Hosts, near: Host, far: str) -> None:
    addresses = {"network_fence_hosts": ["far"], "network_fence_addresses": {"far": far}}
    assert hosts.follow("cut_off", "near", **addresses) > 0
    assert connects(near, far, FENCED) == REFUSED
    assert connects(near, far, OTHER) == CONNECTED
    assert hosts.follow("cut_off", "near", **addresses) == 0


def test_the_fence_stands_again_after_a_boot(near: Host, far: str) -> None:
    near.check_output("systemctl stop network-fence")
    assert connects(near, far, FENCED) == CONNECTED
    near.check_output("systemctl start network-fence")
    assert connects(near, far, FENCED) == REFUSED
    assert near.service("network-fence").is_enabled


def test_a_readmitted_host_is_reached_again(hosts: Hosts, near: Host, far: str) -> None:
    assert hosts.follow("readmit", "near", network_fence_hosts=["far"]) > 0
    assert connects(near, far, FENCED) == CONNECTED
    near.check_output("systemctl restart network-fence")
    assert connects(near, far, FENCED) == CONNECTED
    assert hosts.follow("readmit", "near", network_fence_hosts=["far"]) == 0
