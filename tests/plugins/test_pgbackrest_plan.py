from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils import pgbackrest, pgbackrest_plan

HOUR = 3600.0


def backup(label: str, stop: float, lsn: str, **more: object) -> dict[str, Any]:
    return {
        "label": label,
        "timestamp": {"start": stop - 1, "stop": stop},
        "lsn": {"start": lsn, "stop": lsn},
        "archive": {"start": "000000010000000000000002", "stop": "000000010000000000000002"},
        **more,
    }


def asked(kind: str = "latest", target: str = "", **more: object) -> dict[str, Any]:
    return {"type": kind, "target": target, "set": "", "exclusive": False, "timeline": "", **more}


BACKUPS = [
    backup("old", 1 * HOUR, "0/2000000"),
    backup("new", 2 * HOUR, "0/9000000", annotation={"manifest": pgbackrest_plan.packed({"lsn": "0/A000028"})}),
]


def archive(*numbers: int, timeline: int = 1) -> pgbackrest.Archive:
    return pgbackrest.Archive({(timeline, number): number * 60.0 for number in numbers})


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (asked(), "new"),
        (asked("time", "1970-01-01 01:30:00+00:00"), "old"),
        (asked("lsn", "0/3000000"), "old"),
        (asked("lsn", "0/9000000"), "new"),
        (asked(set="old"), "old"),
        (asked("manifest"), "new"),
    ],
)
def test_the_newest_backup_before_the_target_is_chosen(wish: dict[str, Any], expected: str) -> None:
    assert pgbackrest_plan.fitting(BACKUPS, wish)[-1]["label"] == expected


@pytest.mark.parametrize(
    "wish", [asked("time", "1970-01-01 00:30:00+00:00"), asked("lsn", "0/1"), asked(set="another")]
)
def test_a_target_before_every_backup_is_refused(wish: dict[str, Any]) -> None:
    with pytest.raises(pgbackrest.RepositoryError, match="none of the 2 backups fits"):
        pgbackrest_plan.fitting(BACKUPS, wish)


def test_a_time_without_its_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="does not say its offset"):
        pgbackrest_plan.moment("2026-01-01 00:00:00")


def test_a_manifest_stands_for_its_exact_position() -> None:
    assert pgbackrest_plan.recovery(BACKUPS[1], asked("manifest")) == {
        "type": "lsn",
        "target": "0/A000028",
        "exclusive": True,
        "timeline": "",
    }


def test_a_hole_in_the_wal_is_named() -> None:
    _, problems = pgbackrest_plan.wal_needed(BACKUPS[0], asked(), archive(2, 3, 5))
    assert problems == ["WAL is missing in the repository: 000000010000000000000004 (1 in all)"]


def test_a_hole_after_the_target_does_not_matter() -> None:
    path, problems = pgbackrest_plan.wal_needed(
        BACKUPS[0], asked("time", "1970-01-01 00:02:30+00:00"), archive(2, 3, 5)
    )
    assert (path, problems) == ([(1, 2), (1, 3)], [])


@pytest.mark.parametrize("wish", [asked("time", "1970-01-01 00:05:00+00:00"), asked("lsn", "0/9000000")])
def test_a_target_that_the_wal_does_not_reach_is_refused(wish: dict[str, Any]) -> None:
    _, problems = pgbackrest_plan.wal_needed(BACKUPS[0], wish, archive(2, 3, 4))
    assert "is not reached" in problems[0]


def test_a_backup_that_stands_on_one_that_is_gone_is_refused() -> None:
    increment = backup("increment", 3 * HOUR, "0/9000000", reference=["gone"])
    assert pgbackrest_plan.broken_chain(increment, [increment]) == [
        "backup gone, which increment stands on, is gone",
    ]


def test_damage_seen_when_the_backup_was_made_is_said() -> None:
    damaged = backup("damaged", 3 * HOUR, "0/9000000", error=True)
    assert "wrong checksums" in pgbackrest_plan.broken_chain(damaged, [damaged])[0]


def test_a_disk_that_is_too_small_is_said() -> None:
    needed, short = pgbackrest_plan.room(10**9, 1, 10**9)
    assert needed > 10**9
    assert "too little disk" in short[0]
    assert pgbackrest_plan.room(10**9, 1, 2 * 10**9)[1] == []


def test_what_a_wrong_key_deciphers_is_said_in_words() -> None:
    message = "[FormatError] unable to load info file 'backup.info':\nFormatError: key/value found \x00\ufffd"
    assert pgbackrest.plain(message).startswith("the passphrase is wrong, or the list of backups is damaged: ")
    assert "\ufffd" not in pgbackrest.plain(message)


WHOLE = "missing: 0, checksum invalid: 0, size invalid: 0, other: 0"
VERIFIED = f"""stanza: main
status: error
  archiveId: 15-1, total WAL checked: 60, total valid WAL: 59
    {WHOLE.replace("missing: 0", "missing: 1")}
  backup: first, status: valid, total files checked: 9, total valid files: 9
    {WHOLE}
  backup: second, status: invalid, total files checked: 9, total valid files: 8
    {WHOLE.replace("checksum invalid: 0", "checksum invalid: 1")}
"""


def test_what_is_damaged_in_the_repository_is_named(load_module: Callable[[str], ModuleType]) -> None:
    module = load_module("pgbackrest_plan_info")
    archive, second = module.damaged(VERIFIED)
    assert "archive 15-1 has missing: 1" in archive
    assert "backup second has missing: 0, checksum invalid: 1" in second


def test_a_repository_that_is_whole_has_nothing_to_name(load_module: Callable[[str], ModuleType]) -> None:
    assert load_module("pgbackrest_plan_info").damaged(f"backup: first, status: valid\n  {WHOLE}\n") == []
