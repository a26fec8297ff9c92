from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from ansible.module_utils import postgresql_restore as restored

MANIFEST = {
    "lsn": "0/5000028",
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


@pytest.mark.parametrize(
    ("kind", "target", "history", "expected"),
    [
        ("latest", "", "1\t0/6000000\tno recovery target specified", "met"),
        ("latest", "", "1\t0/4000000\tno recovery target specified", "missed"),
        ("name", "lunch", '1\t0/6000000\tat restore point "lunch"', "met"),
        ("name", "lunch", '1\t0/6000000\tat restore point "dinner"', "missed"),
        ("xid", "7", "1\t0/6000000\tno recovery target specified", "missed"),
    ],
)
def test_where_recovery_stopped_is_read_from_its_own_history(
    tmp_path: Path, kind: str, target: str, history: str, expected: str
) -> None:
    (tmp_path / "pg_wal").mkdir()
    (tmp_path / "pg_wal" / "00000002.history").write_text(history + "\n")
    stop = {"type": kind, "target": target}
    assert restored.target_reached(str(tmp_path), stop, {"timeline": 2}, MANIFEST)["outcome"] == expected


def test_a_cluster_without_a_history_is_unknown(tmp_path: Path) -> None:
    found = restored.target_reached(str(tmp_path), {"type": "latest"}, {"timeline": 1}, {})
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
