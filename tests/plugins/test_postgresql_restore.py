from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils import postgresql_restore as restored

MANIFEST: dict[str, Any] = {
    "lsn": "0/5000068",
    "taken_at": 1767225600.0,  # 2026-01-01 00:00:00+00
    "roles": {},
    "databases": {"shop": {"tables": {"public.sold": 10}, "extensions": {"plpgsql": "1.0"}}},
}


def outcome_of_rows(found: object, *, exact: bool, growing: set[str] | None = None) -> str:
    tables = {} if found is None else {"public.sold": found}
    checks = list(restored.rows({"shop": {"tables": tables}}, MANIFEST, growing or set(), exact=exact))
    return str(checks[0]["outcome"])


@pytest.mark.parametrize(
    ("found", "exact", "growing", "expected"),
    [
        (10, True, set(), "met"),
        (11, True, set(), "missed"),
        (None, False, set(), "missed"),
        (0, False, set(), "missed"),
        ("invalid page", True, set(), "missed"),
        (11, False, {"shop.public.sold"}, "met"),
        (9, False, {"shop.public.sold"}, "missed"),
        (9, False, set(), "not checked"),
    ],
)
def test_rows_are_judged_by_what_is_known_of_them(found: object, exact: bool, growing: set[str], expected: str) -> None:  # noqa: FBT001
    assert outcome_of_rows(found, exact=exact, growing=growing) == expected


def reached(folder: Path, stop: dict[str, Any], history: str, wal: dict[str, str] | None = None) -> dict[str, str]:
    (folder / "pg_wal").mkdir()
    (folder / "pg_wal" / "00000002.history").write_text(history + "\n")
    found: dict[str, str] = restored.target_reached(str(folder), stop, {"timeline": 2}, MANIFEST, wal or {})
    return found


@pytest.mark.parametrize(
    ("kind", "target", "history", "expected"),
    [
        ("latest", "", "1\t0/6000000\tno recovery target specified", "met"),
        ("latest", "", "1\t0/4000000\tno recovery target specified", "missed"),
        ("name", "lunch", '1\t0/6000000\tat restore point "lunch"', "met"),
        ("name", "lunch", '1\t0/6000000\tat restore point "dinner"', "missed"),
        ("xid", "7", "1\t0/6000000\tno recovery target specified", "missed"),
        # The first transaction that was left out, as PostgreSQL writes its time.
        ("time", "2026-01-01 00:02:00+00:00", "1\t0/6000000\tbefore 2026-01-01 00:02:00.12+00", "met"),
        ("time", "2026-01-01 00:02:00+00:00", "1\t0/6000000\tbefore 2025-12-31 20:32:00.12-03:30", "met"),
        ("time", "2026-01-01 00:02:00+00:00", "1\t0/6000000\tbefore 2026-01-01 00:01:59.999999+00", "missed"),
        ("time", "2026-01-01 00:02:00+00:00", "1\t0/6000000\tbefore transaction 2026", "missed"),
        # Rows were counted at midnight: a stop well after that has them, and one beside it or before may not.
        ("time", "2026-01-01 00:02:00+00:00", "1\t0/5000040\tbefore 2026-01-01 00:02:01+00", "missed"),
        ("time", "2026-01-01 00:00:30+00:00", "1\t0/5000040\tbefore 2026-01-01 00:02:01+00", "met"),
    ],
)
def test_where_recovery_stopped_is_read_from_its_own_history(
    tmp_path: Path, kind: str, target: str, history: str, expected: str
) -> None:
    assert reached(tmp_path, {"type": kind, "target": target}, history)["outcome"] == expected


@pytest.mark.parametrize(
    ("lsn", "last", "expected"),
    [
        ("0/70000A8", "07", "met"),
        # A segment that was left early ends with the record that does so, and that record ends where the next begins.
        ("0/8000000", "07", "met"),
        ("0/7000000", "07", "missed"),
        ("0/6FFFFF8", "07", "missed"),
        # A segment of which recovery read no more than what an earlier one left for it.
        ("0/7000030", "07", "met"),
    ],
)
def test_a_repository_that_fails_midway_is_not_the_latest(tmp_path: Path, lsn: str, last: str, expected: str) -> None:
    wal = {"first": "000000010000000000000004", "last": f"0000000100000000000000{last}"}
    found = reached(tmp_path, {"type": "latest", "target": ""}, f"1\t{lsn}\tno recovery target specified", wal)
    assert found["outcome"] == expected
    assert ("before anything of 000000010000000000000007" in found["because"]) == (expected == "missed")


def test_the_latest_is_on_the_timeline_of_the_last_primary(tmp_path: Path) -> None:
    wal = {"first": "000000010000000000000004", "last": "000000030000000000000007"}
    found = reached(tmp_path, {"type": "latest"}, "2\t0/9000000\tno recovery target specified", wal)
    assert found["outcome"] == "missed"
    assert found["because"] == "it followed timeline 2, and timeline 3 is in the repository"


@pytest.mark.parametrize(("lsn", "expected"), [("0/6000060", "missed"), ("0/7000060", "met")])
def test_an_earlier_target_lies_behind_the_beginning_of_the_backup(tmp_path: Path, lsn: str, expected: str) -> None:
    wal = {"first": "000000010000000000000007", "last": "000000010000000000000009"}
    found = reached(tmp_path, {"type": "xid", "target": "7"}, f"1\t{lsn}\tafter transaction 7", wal)
    assert found["outcome"] == expected


def test_a_position_just_behind_the_header_of_a_page_is_the_end_of_the_page_before(tmp_path: Path) -> None:
    # A primary that is asked right after a switch tells where the next record will be; recovery, where the last ended.
    assert restored.end_of_record("0/5000028") == restored.position("0/5000000")
    assert restored.end_of_record("0/5002018") == restored.position("0/5002000")
    assert restored.end_of_record("0/5000068") == restored.position("0/5000068")
    manifest = {**MANIFEST, "lsn": "0/5000028"}
    stop, history = {"type": "latest"}, "1\t0/5000000\tno recovery target specified"
    (tmp_path / "pg_wal").mkdir()
    (tmp_path / "pg_wal" / "00000002.history").write_text(history)
    assert restored.target_reached(str(tmp_path), stop, {"timeline": 2}, manifest, {})["outcome"] == "met"


def test_a_cluster_without_a_history_is_unknown(tmp_path: Path) -> None:
    found = restored.target_reached(str(tmp_path), {"type": "latest"}, {"timeline": 1}, {}, {})
    assert found["outcome"] == "unknown"


def test_an_extension_that_is_missing_is_named() -> None:
    found = restored.extensions({"shop": {"extensions": {}}}, MANIFEST)
    assert (found["outcome"], found["because"]) == ("missed", "shop: plpgsql 1.0 is missing")


def test_the_worst_outcome_wins_and_nothing_seen_is_never_met(load_module: Callable[[str], ModuleType]) -> None:
    module = load_module("postgresql_restore_info")
    outcomes = [
        (["met", "missed", "unknown"], "missed"),
        (["met", "unknown"], "unknown"),
        (["met", "not checked"], "met"),
        (["not checked"], "unknown"),
        ([], "unknown"),
    ]
    for found, expected in outcomes:
        assert module.worst([restored.check("a", outcome, "") for outcome in found]) == expected


SETTINGS: dict[str, Any] = {
    "port": 5433,
    "version": 15,
    "data": "/data/second",
    "manifest": MANIFEST,
    "stop": {"type": "latest", "target": ""},
    "wal": {},
    "system_identifier": "",
    "rules": [],
    "growing_tables": [],
    "databases": [],
    "reference": 0.0,
    "loss_limit": 60.0,
}


@pytest.fixture
def verification(load_module: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, asking a server whose databases are `shop` and `archive` and whose data is at /data/restored."""
    module = load_module("postgresql_restore_info")
    facts = {"standby": False, "system_identifier": "7", "timeline": 2, "data": "/data/restored"}
    server = SimpleNamespace(port=5433, open=lambda *_: None)
    monkeypatch.setattr(module, "psycopg2", SimpleNamespace(Error=ConnectionError), raising=False)
    monkeypatch.setattr(module, "Server", lambda _: server)
    monkeypatch.setattr(module, "ask", lambda *_: [facts])
    monkeypatch.setattr(restored, "ask", lambda *_: [{"datname": "archive"}, {"datname": "shop"}])
    monkeypatch.setattr(restored, "seen_now", lambda _, names: {name: MANIFEST["databases"][name] for name in names})
    return module


def test_a_server_with_other_data_proves_nothing(verification: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked_all_the_same(*_: object) -> None:
        pytest.fail("the wrong server was asked")

    monkeypatch.setattr(verification, "each", asked_all_the_same)
    found = verification.prove(SETTINGS)
    assert verification.worst(found) == "missed"
    because = "the server on port 5433 has the data /data/restored and not /data/second, so nothing else was asked"
    assert found == [restored.check("it is the asked cluster", "missed", because)]


def test_data_may_be_named_by_a_link(verification: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(verification, "each", lambda *_: {})
    (tmp_path / "link").symlink_to("/data/restored")
    found = verification.prove({**SETTINGS, "data": str(tmp_path / "link")})
    assert [(one["check"], one["outcome"]) for one in found] == [("it is the asked cluster", "met")]


@pytest.mark.parametrize(
    ("manifest", "chosen", "told"),
    [
        ({**MANIFEST, "databases": {}}, [], "the manifest counted no database: name them in backup_databases"),
        (MANIFEST, ["archive"], "the manifest counted no database: name them in backup_databases"),
        ({}, [], "no manifest was taken when the backup was made"),
    ],
)
def test_what_was_never_counted_is_unknown(
    verification: ModuleType, manifest: dict[str, Any], chosen: list[str], told: str
) -> None:
    checks = verification.each({**SETTINGS, "manifest": manifest, "databases": chosen}, None, {})
    names = ["rows", "extensions", "collations", "sequences"] + ["roles"] * (not manifest)
    assert checks["uncounted"]() == [restored.check(name, "unknown", told) for name in names]
    assert checks.keys().isdisjoint(names)


def test_a_manifest_without_databases_still_has_roles(
    verification: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restored, "roles", lambda *_: restored.check("roles are there", "met", ""))
    checks = verification.each({**SETTINGS, "manifest": {**MANIFEST, "databases": {}}}, None, {})
    assert next(iter(checks["roles"]()))["outcome"] == "met"


@pytest.mark.parametrize(
    ("manifest", "chosen", "told"),
    [
        (MANIFEST, [], ["database archive"]),
        (MANIFEST, ["shop", "archive"], ["database archive"]),
        (MANIFEST, ["archive"], ["database shop", "database archive"]),
        (MANIFEST, ["shop"], []),
        ({}, [], ["database archive", "database shop"]),
    ],
)
def test_each_database_that_was_not_looked_into_is_listed(
    verification: ModuleType, manifest: dict[str, Any], chosen: list[str], told: list[str]
) -> None:
    found = list(restored.left_out(verification.Server(5433), manifest, chosen))
    assert [one["check"] for one in found] == told
    assert {one["outcome"] for one in found} <= {"not checked"}


def test_what_recovery_was_told_must_be_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    server = SimpleNamespace(open=lambda: None)
    monkeypatch.setattr(restored, "ask", lambda *_: [{"name": "recovery_target_time"}, {"name": "restore_command"}])
    found = restored.forgotten(server)
    assert found["outcome"] == "missed"
    assert "postgresql.auto.conf still has recovery_target_time, restore_command: a standby" in found["because"]
    monkeypatch.setattr(restored, "ask", lambda *_: [])
    assert restored.forgotten(server)["outcome"] == "met"


def test_every_verification_looks_at_what_recovery_was_told(
    verification: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restored, "ask", lambda *_: [{"name": "recovery_target_name"}])
    found = verification.each(SETTINGS, verification.Server(5433), {})["settings"]()
    assert [one["outcome"] for one in found] == ["missed"]


def test_the_plan_of_the_restore_reaches_the_check_of_its_target(verification: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "pg_wal").mkdir()
    (tmp_path / "pg_wal" / "00000002.history").write_text("1\t0/7000000\tno recovery target specified")
    wal = {"first": "000000010000000000000004", "last": "000000010000000000000007"}
    checks = verification.each({**SETTINGS, "data": str(tmp_path), "wal": wal}, None, {"timeline": 2})
    assert [one["outcome"] for one in checks["recovery"]()] == ["missed"]
