import asyncio
import json
import os
import threading
from pathlib import Path

import pytest

from drills.workloads.ledger import GroupCommit, Ledger, LedgerTail, Rate


def test_nothing_counts_before_its_fsync(tmp_path: Path) -> None:
    disk = threading.Event()

    def slow_fsync(_: int) -> None:
        disk.wait()

    async def story() -> None:
        ledger = Ledger(tmp_path / "ledger.jsonl", 0.0, fsync=slow_fsync)
        commit = GroupCommit(ledger)
        ledger.note("answered", n=1)
        counted = asyncio.create_task(commit.durable())
        await asyncio.sleep(0.3)
        assert not counted.done()
        disk.set()
        await counted
        commit.close()

    asyncio.run(story())


def test_those_who_wait_together_share_one_fsync_which_covers_all_their_lines(tmp_path: Path) -> None:
    path, sizes = tmp_path / "ledger.jsonl", list[int]()

    async def story() -> None:
        ledger = Ledger(path, 0.0, fsync=lambda file: sizes.append(os.fstat(file).st_size))
        commit = GroupCommit(ledger)

        async def answered(n: int) -> None:
            ledger.note("answered", n=n)
            end = path.stat().st_size
            await commit.durable()
            assert sizes[-1] >= end

        await asyncio.gather(*(answered(n) for n in range(20)))
        assert len(sizes) == 1
        await answered(20)
        assert len(sizes) == 2
        commit.close()

    asyncio.run(story())


def test_a_disk_that_fails_lets_nothing_count(tmp_path: Path) -> None:
    def failing_fsync(_: int) -> None:
        raise OSError(5, "input/output error")

    async def story() -> None:
        commit = GroupCommit(Ledger(tmp_path / "ledger.jsonl", 0.0, fsync=failing_fsync))
        results = await asyncio.gather(commit.durable(), commit.durable(), return_exceptions=True)
        assert all(isinstance(result, OSError) for result in results)
        commit.close()

    asyncio.run(story())


def test_a_line_is_written_whole_by_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []

    def record(_: int, data: bytes) -> int:
        written.append(data)
        return len(data)

    ledger = Ledger(tmp_path / "ledger.jsonl", 0.0)
    monkeypatch.setattr("drills.workloads.ledger.os.write", record)
    ledger.note("sent", n=1, key="é\n")

    assert len(written) == 1
    assert json.loads(written[0]) == {"kind": "sent", "n": 1, "key": "é\n"}
    assert written[0].endswith(b"\n")
    assert written[0].count(b"\n") == 1


def test_a_full_disk_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl", 0.0)
    monkeypatch.setattr("drills.workloads.ledger.os.write", lambda _, data: len(data) - 1)

    with pytest.raises(OSError, match="the disk is full"):
        ledger.note("sent", n=1)


def test_a_ledger_has_one_writer_once(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.jsonl", 0.0).close()

    with pytest.raises(FileExistsError):
        Ledger(tmp_path / "ledger.jsonl", 0.0)


def test_the_tail_waits_for_the_rest_of_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    tail = LedgerTail(path)
    assert tail.new_lines() == []

    path.write_bytes(b'{"kind":"sent","n":1}\n{"kind":"answ')
    assert tail.new_lines() == [{"kind": "sent", "n": 1}]
    with path.open("ab") as file:
        file.write(b'ered","n":1}\n')
    assert tail.new_lines() == [{"kind": "answered", "n": 1}]


def test_the_rate_is_that_of_the_last_second_and_a_missed_tick_is_bad(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl", 0.0)
    tail = LedgerTail(tmp_path / "ledger.jsonl")
    ledger.note("answered", n=1, t=1.0, good=True)
    ledger.note("answered", n=2, t=1.5, good=True)
    ledger.note("answered", n=3, t=1.6, good=False)
    ledger.note("missed", n=4, t=1.7, due=0.6, because="late")

    assert tail.rate(1.9) == Rate(good=2, bad=2)
    assert tail.rate(2.4) == Rate(good=1, bad=2)
    assert tail.rate(9.0) == Rate(good=0, bad=0)
