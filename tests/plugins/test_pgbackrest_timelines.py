"""Which timeline recovery follows, and what an earlier restore left on another one."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from ansible.module_utils import pgbackrest, pgbackrest_plan
from ansible.module_utils.pgbackrest import SEGMENT_BYTES, Archive

HOUR, MINUTE = 3600.0, 60.0
# Timeline 1 was written from 9:05 on, a segment every ten minutes: number 2 came at 9:15, and number 11 at 10:45.
FIRST = {(1, number): 9 * HOUR + 5 * MINUTE + (number - 1) * 10 * MINUTE for number in range(2, 12)}
# Then it was restored in place to 10:00, which was in the middle of segment 7. Timeline 2 began.
FORK = 7 * SEGMENT_BYTES + SEGMENT_BYTES // 2
SECOND = {(2, 7): 10 * HOUR + 55 * MINUTE, (2, 8): 11 * HOUR + 5 * MINUTE}
BORN = 10 * HOUR + 45 * MINUTE
WENT_TOO_FAR = Archive(FIRST | SECOND, {2: [(1, FORK)]}, {2: BORN})


def at(clock: str) -> str:
    return f"1970-01-01 {clock}+00:00"


def backup(label: str = "early", line: int = 1, number: int = 2, **more: object) -> dict[str, Any]:
    segment = pgbackrest.name_of((line, number))
    return {
        "label": label,
        "timestamp": {"start": 9 * HOUR, "stop": 9 * HOUR + number},
        "lsn": {"stop": pgbackrest.lsn(number * SEGMENT_BYTES + 100)},
        "archive": {"start": segment, "stop": segment},
        **more,
    }


def asked(kind: str = "latest", target: str = "", **more: object) -> dict[str, Any]:
    return {"type": kind, "target": target, "set": "", "exclusive": False, "timeline": "", **more}


def unclear(wish: dict[str, Any], archive: Archive = WENT_TOO_FAR, chosen: dict[str, Any] | None = None) -> list[str]:
    began = chosen or backup()
    stop = pgbackrest_plan.recovery(began, wish)
    meant, _ = pgbackrest_plan.in_question(pgbackrest_plan.elsewhere(stop, archive), began, wish)
    return list(pgbackrest_plan.ambiguous(meant, stop, archive.timeline))


def numbers(*segments: tuple[int, int], line: int = 1) -> Archive:
    return Archive(dict.fromkeys(segments, 0.0), {2: [(line, 5 * SEGMENT_BYTES + 1)]})


def test_recovery_follows_the_latest_timeline_from_where_it_branched_off() -> None:
    wal = Archive(dict.fromkeys([(1, 2), (1, 3), (2, 4), (2, 5), (1, 4)], 0.0), {2: [(1, 4 * SEGMENT_BYTES)]})
    path, problems = pgbackrest_plan.wal_needed(backup(), asked(), wal)
    assert (path, problems) == ([(1, 2), (1, 3), (2, 4), (2, 5)], [])


def test_a_backup_from_an_abandoned_timeline_is_refused() -> None:
    wal = Archive({(1, 2): 0, (2, 2): 0}, {2: [(1, SEGMENT_BYTES)]})
    with pytest.raises(pgbackrest.RepositoryError, match="which timeline 2 does not come from"):
        pgbackrest_plan.wal_needed(backup(), asked(), wal)


def test_a_backup_that_ends_beyond_the_fork_is_refused_even_if_it_began_before() -> None:
    straddling = backup() | {"lsn": {"stop": pgbackrest.lsn(FORK + 1)}}
    with pytest.raises(pgbackrest.RepositoryError, match="which timeline 2 does not come from"):
        pgbackrest_plan.wal_needed(straddling, asked(), WENT_TOO_FAR)


def test_recovery_follows_the_timeline_that_was_chosen() -> None:
    wal = Archive(FIRST | SECOND, chosen=1)
    path, problems = pgbackrest_plan.wal_needed(backup(), asked("time", at("10:30:00"), timeline="1"), wal)
    assert (path[-1], problems) == ((1, 10), [])


def test_the_newest_backup_on_the_way_is_begun_with() -> None:
    before, after = backup(), backup("beyond the fork", number=9)
    assert pgbackrest_plan.on_the_way([before, after], WENT_TOO_FAR) == [before]
    assert pgbackrest_plan.on_the_way([before, after], Archive(FIRST | SECOND, chosen=1)) == [before, after]


@pytest.mark.parametrize("clock", ["10:00:30", "10:30:00", "10:45:00"])
def test_a_time_that_was_left_on_another_timeline_is_refused(clock: str) -> None:
    (said,) = unclear(asked("time", at(clock)))
    assert "which timeline 2, the latest, does not have" in said
    assert "say which is meant with backup_restore_timeline=1 or =2" in said
    assert "wrote from 0/7800000 to 0/C000000" in said


@pytest.mark.parametrize("clock", ["09:30:00", "09:55:00", "10:46:00", "11:00:00"])
def test_a_time_before_or_after_what_was_left_is_clear(clock: str) -> None:
    assert unclear(asked("time", at(clock))) == []


def test_a_target_is_clear_once_its_timeline_is_named() -> None:
    assert unclear(asked("time", at("10:30:00"), timeline="1"), Archive(FIRST | SECOND, chosen=1)) == []
    assert unclear(asked("time", at("10:30:00"), timeline="2")) == []


@pytest.mark.parametrize(
    ("place", "more", "lines"),
    [
        (FORK - 1, {}, 0),
        (FORK, {"exclusive": True}, 0),
        (FORK, {}, 1),
        (FORK + 1, {"exclusive": True}, 1),
        (12 * SEGMENT_BYTES, {}, 1),
        (12 * SEGMENT_BYTES + 1, {}, 0),
    ],
)
def test_a_position_is_clear_unless_two_timelines_have_it(place: int, more: dict[str, object], lines: int) -> None:
    assert len(unclear(asked("lsn", pgbackrest.lsn(place), **more))) == lines


def test_a_manifest_is_of_the_timeline_of_its_backup() -> None:
    place = {"lsn": pgbackrest.lsn(8 * SEGMENT_BYTES + 500)}
    counted = backup("after", line=2, number=8, annotation={"manifest": pgbackrest_plan.packed(place)})
    assert unclear(asked("manifest"), chosen=counted) == []
    assert unclear(asked("lsn", place["lsn"]), chosen=counted) != []
    assert unclear(asked("lsn", place["lsn"], set="after"), chosen=counted) == []


@pytest.mark.parametrize("kind", ["name", "xid"])
def test_what_cannot_be_dated_is_refused_where_it_may_lie_on_two_timelines(kind: str) -> None:
    assert "may lie in what timeline 1 wrote" in unclear(asked(kind, "4711"))[0]
    assert unclear(asked(kind, "4711"), chosen=backup("after", line=2, number=8)) == []


def test_what_was_left_and_is_not_meant_is_said_not_to_be_looked_at() -> None:
    stop = asked("xid", "4711")
    left = pgbackrest_plan.elsewhere(stop, WENT_TOO_FAR)
    _, not_meant = pgbackrest_plan.in_question(left, backup("after", line=2, number=8), stop)
    assert [stretch.timeline for stretch in not_meant] == [1]


# A primary is lost at 10:00 and a standby goes on. Segment 7, in which it was lost, may have come from both.
FAILOVER = Archive(
    {(1, number): came for (_, number), came in FIRST.items() if number <= 7} | SECOND, {2: [(1, FORK)]}, {2: 10 * HOUR}
)


@pytest.mark.parametrize("clock", ["09:59:00", "10:00:00", "10:00:01", "10:05:00", "10:10:00", "11:00:00"])
def test_a_failover_leaves_nothing_that_a_time_could_mean(clock: str) -> None:
    assert unclear(asked("time", at(clock)), FAILOVER) == []


@pytest.mark.parametrize("kind", ["name", "xid"])
def test_a_failover_leaves_nothing_that_a_name_could_mean(kind: str) -> None:
    assert unclear(asked(kind, "4711"), FAILOVER) == []


# At 11:30 the first timeline is gone on with at 10:30, in segment 10: timeline 3 begins, and nothing of 2 is in it.
TWICE = Archive(
    FIRST | SECOND | {(3, 10): 11 * HOUR + 35 * MINUTE},
    {3: [(1, 10 * SEGMENT_BYTES + 1)]},
    {2: BORN, 3: 11 * HOUR + 30 * MINUTE},
)


@pytest.mark.parametrize(("clock", "lines"), [("10:15:00", []), ("11:00:00", [2]), ("10:39:00", [1])])
def test_a_timeline_that_is_not_come_through_is_left_as_a_whole(clock: str, lines: list[int]) -> None:
    found = pgbackrest_plan.elsewhere(asked("time", at(clock)), TWICE)
    assert [stretch.timeline for stretch in found] == lines


def test_a_hole_before_a_timeline_that_has_archived_nothing_yet_is_named() -> None:
    path, problems = pgbackrest_plan.wal_needed(backup(), asked(), numbers((1, 2)))
    assert path == [(1, 2), (1, 3), (1, 4)]
    assert problems == [
        "WAL is missing in the repository: 000000010000000000000003, 000000010000000000000004 (2 in all)"
    ]


def test_a_timeline_that_has_archived_nothing_yet_needs_what_comes_before_it() -> None:
    path, problems = pgbackrest_plan.wal_needed(backup(), asked(), numbers((1, 2), (1, 3), (1, 4)))
    assert (path, problems) == ([(1, 2), (1, 3), (1, 4)], [])


def listing() -> dict[str, dict[str, Any]]:
    digest = "0" * 40
    names = {
        f"{pgbackrest.name_of(segment)[:16]}/{pgbackrest.name_of(segment)}-{digest}.zst": segment for segment in FIRST
    }
    listed = {name: {"type": "file", "time": FIRST[segment]} for name, segment in names.items()}
    return listed | {f"0000000{line}.history": {"type": "file", "time": BORN} for line in (2, 3)}


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> pgbackrest.Repository:
    """One that lists timeline 1 and the histories of 2 and 3."""
    found = pgbackrest.Repository("main", 1)

    def ask(*arguments: str) -> str:
        if "repo-ls" in arguments:
            return json.dumps(listing())
        line = int(arguments[-1].rsplit("/", 1)[-1].removesuffix(".history"), 16)
        return f"1\t0/{line}000148\tbefore {dt.datetime.now(dt.UTC)}\n"

    monkeypatch.setattr(found, "ask", ask)
    return found


@pytest.mark.parametrize(("timeline", "followed", "left"), [("", 3, 3), ("2", 2, 2)])
def test_the_history_of_the_timeline_that_is_followed_is_read(
    repository: pgbackrest.Repository, timeline: str, followed: int, left: int
) -> None:
    archive = repository.archive("15-1", timeline)
    assert archive.timeline == followed
    assert archive.histories == {followed: [(1, pgbackrest.position(f"0/{left}000148"))]}
    assert archive.born == {2: BORN, 3: BORN}


def test_the_first_timeline_has_no_history(repository: pgbackrest.Repository) -> None:
    archive = repository.archive("15-1", "1")
    assert (archive.timeline, archive.histories) == (1, {})


@pytest.mark.parametrize("timeline", ["7", "latest"])
def test_a_timeline_that_is_not_there_is_refused(repository: pgbackrest.Repository, timeline: str) -> None:
    with pytest.raises(pgbackrest.RepositoryError, match=f"it has no timeline {timeline}, only 1, 2, 3"):
        repository.archive("15-1", timeline)
