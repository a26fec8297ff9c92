"""Which backup a restore begins with, what it brings back, and what the plan says against it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible.module_utils import pgbackrest, pgbackrest_plan
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

TASKS = Path(__file__).resolve().parents[2] / "roles" / "backup" / "tasks"


def backup(label: str, number: int, manifest: dict[str, Any] | None = None) -> dict[str, Any]:
    segment = pgbackrest.name_of((1, number))
    return {
        "label": label,
        "timestamp": {"start": number * 60 - 1, "stop": number * 60},
        "lsn": {"stop": f"0/{number}000100"},
        "archive": {"start": segment, "stop": segment},
        "database": {"id": 1, "repo-key": 1},
        "info": {"size": 1000},
        "annotation": {"manifest": pgbackrest_plan.packed(manifest)} if manifest else None,
    }


class Repository:
    """A repository with these backups, and with WAL from segment 2 to 9."""

    def __init__(self, *backups: dict[str, Any], databases: list[str] | None = None) -> None:
        self.backups, self.named = list(backups), databases

    def info(self) -> dict[str, Any]:
        return {
            "repo": [{"key": 1, "status": {"code": 0, "message": "ok"}}],
            "backup": self.backups,
            "db": [{"id": 1, "repo-key": 1, "system-id": 7}],
            "archive": [{"id": "15-1", "database": {"id": 1, "repo-key": 1}}],
        }

    def archive(self, _: str, timeline: str) -> pgbackrest.Archive:
        return pgbackrest.Archive({(1, number): number * 60.0 for number in range(2, 10)}, chosen=int(timeline or 0))

    def databases(self, _: str) -> list[str] | None:
        return self.named


def asked(kind: str = "latest", target: str = "", **more: object) -> dict[str, Any]:
    return {
        "stanza": "main",
        "repository": 1,
        "type": kind,
        "target": target,
        "exclusive": False,
        "set": "",
        "timeline": "",
        "databases": [],
        "system_identifier": "",
        "read_all": False,
        **more,
    }


@pytest.fixture
def choose(load_module: Callable[[str], ModuleType]) -> Callable[..., dict[str, Any]]:
    chosen: Callable[..., dict[str, Any]] = load_module("pgbackrest_plan_info").choose
    return chosen


def test_a_name_is_refused_where_several_backups_could_serve(choose: Callable[..., dict[str, Any]]) -> None:
    plan = choose(asked("name", "before"), Repository(backup("one", 2), backup("two", 4)))
    (said,) = plan["problems"]
    assert "nothing says when the name before was" in said
    assert "name one of one, two with backup_restore_set" in said


def test_a_name_needs_no_backup_where_there_is_one(choose: Callable[..., dict[str, Any]]) -> None:
    assert choose(asked("name", "before"), Repository(backup("one", 2)))["problems"] == []
    both = Repository(backup("one", 2), backup("two", 4))
    assert choose(asked("name", "before", set="one"), both)["problems"] == []


COUNTED = [
    backup("one", 2, {"lsn": "0/2000200", "next_xid": 700}),
    backup("two", 4, {"lsn": "0/4000200", "next_xid": 800}),
]


@pytest.mark.parametrize(("xid", "expected"), [("800", "two"), ("801", "two"), ("799", "one"), ("700", "one")])
def test_the_newest_backup_that_ends_before_a_transaction_is_chosen(
    choose: Callable[..., dict[str, Any]], xid: str, expected: str
) -> None:
    plan = choose(asked("xid", xid), Repository(*COUNTED))
    assert (plan["set"], plan["problems"]) == (expected, [])


def test_transactions_are_counted_in_a_circle() -> None:
    counted = backup("one", 2, {"lsn": "0/2000200", "next_xid": 2**32 + 5})
    assert pgbackrest_plan.ends_before(counted, "6")
    assert pgbackrest_plan.ends_before(counted, str(2**32 + 6))
    assert not pgbackrest_plan.ends_before(counted, str(2**32 - 1))


def test_a_transaction_is_refused_where_no_backup_is_known_to_end_before_it(
    choose: Callable[..., dict[str, Any]],
) -> None:
    assert "name one of one, two with" in choose(asked("xid", "600"), Repository(*COUNTED))["problems"][0]
    unmarked = Repository(backup("one", 2), backup("two", 4))
    assert "name one of one, two with" in choose(asked("xid", "900"), unmarked)["problems"][0]


@pytest.mark.parametrize(
    ("kind", "target", "end"),
    [
        ("time", "1970-01-01 00:03:30+00:00", "1970-01-01 00:04:00+00:00"),
        ("lsn", "0/4000080", "0/4000100"),
        ("lsn", "0/3000080", "0/4000100"),
        ("manifest", "", "0/4000100"),
    ],
)
def test_a_target_before_the_end_of_its_backup_is_refused(
    choose: Callable[..., dict[str, Any]], kind: str, target: str, end: str
) -> None:
    early = backup("two", 4, {"lsn": "0/3000080", "next_xid": 1})
    plan = choose(asked(kind, target, set="two"), Repository(backup("one", 2), early))
    assert f"lies before the end of backup two, {end}" in plan["problems"][0]


def test_a_plan_without_any_segment_is_a_plan(choose: Callable[..., dict[str, Any]]) -> None:
    plan = choose(asked("lsn", "0/3000080", set="two"), Repository(backup("two", 4)))
    assert plan["wal"] == {"first": "", "last": "", "segments": 0}


def test_a_database_that_the_backup_does_not_have_is_refused(choose: Callable[..., dict[str, Any]]) -> None:
    repository = Repository(backup("one", 2), databases=["archive", "bookings"])
    (said,) = choose(asked(databases=["bookings", "boking"]), repository)["problems"]
    assert said.startswith("backup one has no database boking; it has archive, bookings")
    assert choose(asked(databases=["bookings"]), repository)["problems"] == []


def test_databases_that_pgbackrest_does_not_name_are_not_checked(choose: Callable[..., dict[str, Any]]) -> None:
    plan = choose(asked(databases=["bookings"]), Repository(backup("one", 2)))
    assert plan["problems"] == []
    assert "whether the backup has the databases that are asked for" in plan["not_checked"]


def test_pgbackrest_names_the_databases_of_one_backup(monkeypatch: pytest.MonkeyPatch) -> None:
    repository = pgbackrest.Repository("main", 1)
    said = {"backup": [{"label": "one"}, {"label": "two", "database-ref": [{"name": "bookings", "oid": 16384}]}]}
    monkeypatch.setattr(
        repository, "info", lambda asked: said if asked == "--set=two" else {"backup": [{"label": "one"}]}
    )
    assert repository.databases("two") == ["bookings"]
    assert repository.databases("one") is None


@pytest.mark.parametrize(
    ("given", "brought"),
    [
        ("bookings", ["bookings"]),
        ("bookings, archive", ["bookings", "archive"]),
        ("", []),
        (["bookings"], ["bookings"]),
    ],
)
def test_databases_may_be_given_as_one_word(
    load_module: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, given: object, brought: list[str]
) -> None:
    module = load_module("pgbackrest_plan_info")
    monkeypatch.setattr(
        module, "Repository", lambda *_: Repository(backup("one", 2), databases=["bookings", "archive"])
    )
    read = ArgumentSpecValidator(module.ARGUMENTS).validate({"stanza": "main", "data": "/nowhere", "databases": given})
    assert read.error_messages == []
    plan = module.plan(read.validated_parameters)
    assert (plan["databases"], plan["problems"]) == (brought, [])


def command(plan: dict[str, Any]) -> list[str]:
    """What bring_back.yml runs for a plan."""
    task = next(task for task in yaml.safe_load((TASKS / "bring_back.yml").read_text()) if "vars" in task)
    variables = {
        "__backup_planned": {"plan": plan},
        "__backup_stop": plan["stop"],
        "__backup_target_settings": "/etc/pgbackrest/restore.conf",
        "__backup_target_is_live": False,
        "backup_stanza": "main",
        "backup_restore_repository": 1,
    }
    argv = trust_as_template(task["ansible.builtin.command"]["argv"])
    return list(Templar(loader=DataLoader(), variables=variables).template(argv))


def test_what_is_planned_is_what_pgbackrest_is_told(choose: Callable[..., dict[str, Any]]) -> None:
    time = asked("time", "1970-01-01 00:05:00+00:00", timeline="1")
    told = command({**choose(time, Repository(backup("one", 2))), "databases": ["bookings", "archive"]})
    assert "--target-timeline=1" in told
    assert told[-3:] == ["--db-include=bookings", "--db-include=archive", "restore"]


def test_pgbackrest_is_told_of_no_timeline_where_the_latest_is_meant(choose: Callable[..., dict[str, Any]]) -> None:
    told = command({**choose(asked(), Repository(backup("one", 2))), "databases": []})
    assert not [word for word in told if word.startswith(("--target", "--db-include"))]
