"""The record of releases is kept on the balancer, and says which one to go back to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from load_balancer.tests.conftest import Service
    from testinfra.host import Host

    from conftest import Hosts

PATH = "/var/lib/haproxy/releases.jsonl"
OLDER, BLUE, GREEN = (f"sha256:{letter * 64}" for letter in "0ab")


def note(hosts: Hosts, event: str, release: str, **more: str) -> None:
    hosts.follow("note_release", load_balancer_record={"event": event, "release": release, **more})


def look(hosts: Hosts, field: str, expected: object) -> None:
    leaves = "{{ __load_balancer_releases.record.%s }}" % field  # noqa: UP031  braces on both sides
    hosts.follow("look_releases", verb_leaves=leaves, verb_expected=expected)


@pytest.mark.usefixtures("service")
def test_the_release_before_is_known_also_after_a_power_cut_while_one_was_noted(host: Host, hosts: Hosts) -> None:
    look(hosts, "previous is none", True)
    for release, more in ((OLDER, {"by": "ops"}), (BLUE, {"from": OLDER, "approved_by": "", "colour": "blue"})):
        note(hosts, "switched", release, **more)
        note(hosts, "healthy", release, because="0 of 500 requests failed (0 %)")
    host.check_output(f'printf \'{{"event": "healthy", "rel\' >> {PATH}')
    look(hosts, "previous", OLDER)
    look(hosts, "healthy", [OLDER, BLUE])
    note(hosts, "left", GREEN)
    look(hosts, "last.event", "left")
    last = json.loads(str(host.check_output(f"tail -n 1 {PATH}")))
    assert last.keys() == {"at", "event", "release"}


def test_a_live_colour_that_does_not_answer_is_taken_for_what_was_switched_to(service: Service, hosts: Hosts) -> None:
    names = ("app1-blue", "app2-blue")
    service.signal("STOP", *names)
    look(hosts, "previous", OLDER)
    service.signal("CONT", *names)


def test_what_is_no_digest_is_not_noted(host: Host, hosts: Hosts) -> None:
    before = host.file(PATH).content
    with pytest.raises(AssertionError, match="must be sha256"):
        note(hosts, "healthy", "1.1.0")
    assert host.file(PATH).content == before
