"""The record of releases: what is kept of it, and where a rollback goes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from ansible.module_utils.release_record import append, events, healthy, previous, read, served_last

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


def told(*steps: str) -> list[dict[str, Any]]:
    """A record in short: `healthy a`, `left b`, …"""
    releases = {"a": A, "b": B, "c": C}
    return [{"event": event, "release": releases[letter]} for event, letter in (step.split() for step in steps)]


def test_the_first_release_has_none_before_it() -> None:
    assert previous(told("switched a", "healthy a"), A) is None
    assert previous([], None) is None


def test_a_rollback_goes_to_the_healthy_release_before() -> None:
    assert previous(told("healthy a", "healthy b"), B) == A


def test_a_release_that_never_proved_healthy_is_not_gone_back_to() -> None:
    assert previous(told("healthy a", "switched b", "switched c", "healthy c"), C) == A
    assert previous(told("healthy a", "switched b"), B) == A


def test_a_release_that_was_left_is_not_gone_back_to() -> None:
    assert previous(told("healthy a", "healthy b", "left b", "healthy c"), C) == A


def test_a_second_rollback_goes_further_back_and_not_to_and_fro() -> None:
    record = told("healthy a", "healthy b", "healthy c", "left c")
    assert previous(record, B) == A
    assert previous([*record, *told("left b")], A) is None


def test_a_release_that_is_healthy_again_has_those_after_it_cut_off() -> None:
    assert healthy(told("healthy a", "healthy b", "healthy a")) == [A]
    assert healthy(told("healthy a", "healthy b", "left b", "healthy b")) == [A, B]


def test_what_was_switched_to_last_is_known_for_each_colour() -> None:
    record = [
        {"event": "switched", "release": A, "colour": "blue"},
        {"event": "switched", "release": B, "colour": "green"},
    ]
    assert (served_last(record, "blue"), served_last(record, "green"), served_last([], "blue")) == (A, B, None)


def test_a_torn_last_line_is_no_event_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "releases.jsonl"
    first, second = told("healthy a", "healthy b")
    append(str(path), first)
    with path.open("a") as file:
        file.write(json.dumps(second)[:30])
    assert read(str(path)) == [first]
    append(str(path), second)
    assert read(str(path)) == [first, second]


def test_what_is_no_event_is_passed_over() -> None:
    assert events('[]\n{"event": "healthy"}\n\n\x00\x00\n') == []


def test_no_record_has_no_events(tmp_path: Path) -> None:
    assert read(str(tmp_path / "none")) == []


def test_only_what_was_given_is_noted(load_module: Callable[[str], ModuleType]) -> None:
    asked = {"event": "healthy", "release": A, "by": "ops", "change": "", "because": None, "path": "/x"}
    noted = load_module("release_record").event(asked, datetime(2026, 1, 2, 3, 4, 5, 600, UTC))
    assert noted == {"at": "2026-01-02T03:04:05.000600Z", "event": "healthy", "release": A, "by": "ops"}


def test_while_a_deploy_has_not_sent_customers_anywhere_the_way_back_is_to_stay() -> None:
    assert previous(told("healthy a", "healthy b", "begun c"), B) == B
    assert previous(told("healthy a", "healthy b", "begun c", "switched c"), B) == B


def test_once_customers_were_sent_to_it_the_way_back_leads_to_where_they_were() -> None:
    assert previous(told("healthy a", "healthy b", "begun c", "switched c"), C) == B


def test_a_deploy_that_was_refused_does_not_stand_in_the_way_of_a_rollback() -> None:
    assert previous(told("healthy a", "healthy b", "begun c", "left c"), B) == A


def test_what_a_rollback_went_to_served_last_on_its_colour() -> None:
    record = [
        {"event": "switched", "release": A, "colour": "green"},
        {"event": "switched", "release": B, "colour": "blue"},
        {"event": "left", "release": B, "to": A, "colour": "green"},
    ]
    assert served_last(record, "green") == A
    assert served_last(record, "blue") == B
    assert served_last([{"event": "begun", "release": C, "colour": "blue"}], "blue") is None
