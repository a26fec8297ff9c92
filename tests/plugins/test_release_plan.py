"""From what the balancer and the instances say to what a deploy or a rollback does."""

from typing import Any

import pytest
from ansible.module_utils.release_plan import plan

OLD, NEW, OLDER = (f"sha256:{digit * 64}" for digit in "123")


def instance(release: str | None, **changes: object) -> dict[str, Any]:
    told = {"reachable": True, "answers": release is not None, "ready": release is not None, "in_service": True}
    return {**told, "release": release, **changes}


def colour(**hosts: dict[str, Any]) -> dict[str, Any]:
    answering = {host["release"] for host in hosts.values() if host["in_service"] and host["answers"]}
    return {
        "release": answering.pop() if len(answering) == 1 else None,
        "ready": [name for name, host in hosts.items() if host["in_service"] and host["ready"]],
        "hosts": hosts,
    }


def seen(blue: dict[str, Any], green: dict[str, Any], *, live: str = "blue", **record: object) -> dict[str, Any]:
    known = {"healthy": [OLDER, OLD], "previous": OLDER, "last": None, **record}
    return {"live": live, "agree": True, "record": known, "colours": {"blue": blue, "green": green}}


def test_a_new_release_goes_to_the_idle_colour_of_every_host_in_service() -> None:
    drained = instance(OLD, in_service=False)
    found = plan(
        seen(
            colour(app1=instance(OLD), app2=drained), colour(app1=instance(None), app2=instance(None, in_service=False))
        ),
        NEW,
    )
    assert (found["colour"], found["hosts"], found["former"], found["former_release"]) == (
        "green",
        ["app1"],
        "blue",
        OLD,
    )
    assert not found["done"]
    assert not found["at_hand"]


def test_what_customers_get_keeps_its_colour_and_is_done_only_once_it_was_found_healthy() -> None:
    blue, green = colour(app1=instance(OLD)), colour(app1=instance(NEW))
    watched = seen(blue, green, live="green", healthy=[OLD, NEW])
    unwatched = seen(blue, green, live="green", healthy=[OLD])
    assert plan(watched, NEW)["done"]
    assert not plan(unwatched, NEW)["done"]
    assert plan(unwatched, NEW)["colour"] == "green"
    assert plan(unwatched, NEW)["former"] == "blue"


def test_it_is_not_done_while_a_restart_of_the_balancer_would_undo_it() -> None:
    both = seen(colour(app1=instance(OLD)), colour(app1=instance(None)), healthy=[OLD])
    assert plan(both, OLD)["done"]
    assert not plan({**both, "agree": False}, OLD)["done"]


def test_the_way_back_is_at_hand_when_the_other_colour_runs_it_on_every_host_that_can_be_reached() -> None:
    lost = instance(None, reachable=False)
    found = plan(
        seen(colour(app1=instance(OLD), app2=lost), colour(app1=instance(OLDER), app2=lost), healthy=[OLDER, OLD]), ""
    )
    assert (found["release"], found["colour"], found["at_hand"]) == (OLDER, "green", True)
    assert (found["hosts"], found["missing"]) == (["app1"], ["app2"])


@pytest.mark.parametrize(
    "other", [instance(None), instance(OLDER, ready=False), instance(NEW)], ids=["stopped", "not ready", "another"]
)
def test_the_way_back_is_not_at_hand_when_one_host_would_give_something_else(other: dict[str, Any]) -> None:
    found = plan(
        seen(colour(app1=instance(OLD), app2=instance(OLD)), colour(app1=instance(OLDER), app2=other)),
        "",
    )
    assert not found["at_hand"]


def test_with_no_release_before_there_is_nowhere_to_go() -> None:
    found = plan(seen(colour(app1=instance(OLD)), colour(app1=instance(None)), healthy=[OLD], previous=None), "")
    assert (found["release"], found["at_hand"], found["done"]) == ("", False, False)
