from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture
def member(load_module: Callable[[str], ModuleType]) -> ModuleType:
    return load_module("postgresql_member")


def seen(state: str, upstream: str = "", receiving_from: str = "") -> dict[str, str]:
    return {"state": state, "upstream": upstream, "receiving_from": receiving_from}


@pytest.mark.parametrize("state", ["silent", "stopped", "absent"])
def test_a_server_that_does_not_answer_is_given_no_part(member: ModuleType, state: str) -> None:
    assert state in member.refusal(seen(state), {"state": "promoted"})


@pytest.mark.parametrize("part", ["detached", "following"])
def test_a_primary_is_never_made_a_standby_while_it_runs(member: ModuleType, part: str) -> None:
    assert "primary" in member.refusal(seen("primary"), {"state": part})


def test_a_standby_may_have_every_part(member: ModuleType) -> None:
    assert all(
        member.refusal(seen("standby"), {"state": part}) is None for part in ("detached", "following", "promoted")
    )


def test_a_second_promotion_changes_nothing(member: ModuleType) -> None:
    assert member.is_done(seen("primary"), {"state": "promoted"})
    assert not member.is_done(seen("standby"), {"state": "promoted"})


def test_a_standby_that_still_receives_is_not_detached(member: ModuleType) -> None:
    assert not member.is_done(seen("standby", upstream="", receiving_from="db1"), {"state": "detached"})
    assert member.is_done(seen("standby"), {"state": "detached"})


def test_a_standby_follows_the_one_it_was_told_to(member: ModuleType) -> None:
    assert member.is_done(seen("standby", upstream="db2"), {"state": "following", "upstream": "db2"})
    assert not member.is_done(seen("standby", upstream="db1"), {"state": "following", "upstream": "db2"})
