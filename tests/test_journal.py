from __future__ import annotations

import json
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from drills.errors import UsageError
from drills.journal import JournalWriter, read_journal

if TYPE_CHECKING:
    from pathlib import Path

OPENED = {"kind": "opened", "t": 0.0, "interval_s": 0.02, "timeout_s": 1.0}


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    writer = JournalWriter(tmp_path / "journal.jsonl", time.monotonic())
    writer.note("opened", schema=1, run="r")
    writer.note("closed", t=2.0, status="completed")
    writer.close()
    return tmp_path


def _ledger(run_dir: Path, *lines: dict[str, Any], tail: str = "") -> None:
    text = "".join(json.dumps(line) + "\n" for line in (OPENED, *lines))
    (run_dir / "ledger.jsonl").write_text(text + tail)


def _sent(n: int, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON values
    return {
        "kind": "sent",
        "n": n,
        "due": n / 50,
        "t": n / 50,
        "key": f"k{n}",
        "seat": n,
        "purpose": "book",
        **fields,
    }


def _answered(n: int, t: float, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON values
    return {"kind": "answered", "n": n, "t": t, "outcome": "acknowledged", "good": True, "status": 201, **fields}


def test_what_was_noted_is_read_back(run_dir: Path) -> None:
    journal = read_journal(run_dir)
    assert [(entry.seq, entry.kind) for entry in journal.entries] == [(1, "opened"), (2, "closed")]
    assert journal.opened.get("run") == "r"
    assert journal.last("closed") == journal.entries[1]
    assert (journal.all("task"), journal.first("task"), journal.ledger_opened) == ((), None, None)


def test_another_process_goes_on_with_the_journal(run_dir: Path) -> None:
    path = run_dir / "journal.jsonl"
    with path.open("a") as file:
        file.write('{"seq": 3, "t": 2.')
    with pytest.raises(UsageError, match="torn"):
        read_journal(run_dir)
    assert read_journal(run_dir, tolerate_cut=True).cut
    with closing(JournalWriter(path, 0.0)) as writer:
        assert writer.note("heal_started").seq == 3
    assert read_journal(run_dir).entries[2].kind == "heal_started"


def test_threads_do_not_mix_their_lines(run_dir: Path) -> None:
    writer = JournalWriter(run_dir / "journal.jsonl", time.monotonic())
    threads = [
        threading.Thread(target=lambda: [writer.note("task", text="x" * 500) for _ in range(20)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert len(read_journal(run_dir).all("task")) == 80


def test_the_journals_own_field_is_refused(run_dir: Path) -> None:
    with closing(JournalWriter(run_dir / "journal.jsonl", 0.0)) as writer, pytest.raises(ValueError, match="seq"):
        writer.note("task", seq=1)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (None, "holds no journal"),
        ("", "does not begin"),
        ('{"seq": 1, "t": 0, "kind": "gate"}\n', "does not begin"),
        ('{"seq": 1, "t": 0, "kind": "opened", "schema": 2}\n', "schema 2"),
        ('{"seq": 1, "t": 0, "kind": "opened", "schema": 1}\nnonsense\n', "line 2 of .* damaged"),
        ('{"seq": 1, "t": 0, "kind": "opened", "schema": 1}\n{"seq": 3, "t": 0, "kind": "x"}\n', "not entry 2"),
    ],
)
def test_a_journal_that_cannot_be_trusted_is_refused(tmp_path: Path, content: str | None, cause: str) -> None:
    if content is not None:
        (tmp_path / "journal.jsonl").write_text(content)
    with pytest.raises(UsageError, match=cause) as caught:
        read_journal(tmp_path)
    assert "\nHINT: " in str(caught.value)


def test_a_request_and_its_answer_become_one_sample(run_dir: Path) -> None:
    _ledger(run_dir, _sent(1), _answered(1, 0.03, server="db1", timeline=1, booking="b"))
    (sample,) = read_journal(run_dir).samples
    assert (sample.sent, sample.ended, sample.good, sample.booking, sample.timeline) == (0.02, 0.03, True, "b", 1)


def test_a_request_without_an_answer_is_indeterminate(run_dir: Path) -> None:
    _ledger(run_dir, _sent(1))
    (sample,) = read_journal(run_dir).samples
    assert (sample.outcome, sample.good, sample.ended) == ("indeterminate", False, None)


def test_an_answer_after_the_timeout_is_not_good(run_dir: Path) -> None:
    _ledger(run_dir, _sent(1), _answered(1, 1.03))
    (sample,) = read_journal(run_dir).samples
    assert (sample.acknowledged, sample.good) == (True, False)


def test_a_missed_tick_is_not_good(run_dir: Path) -> None:
    _ledger(run_dir, {"kind": "missed", "n": 1, "due": 0.02, "because": "late"}, {"kind": "closed", "t": 1.0})
    journal = read_journal(run_dir)
    (sample,) = journal.samples
    assert (sample.outcome, sample.good, sample.moment) == ("missed", False, 0.02)
    assert journal.ledger_closed == {"kind": "closed", "t": 1.0}


def test_a_torn_ledger_is_read_up_to_the_tear_and_was_not_closed(run_dir: Path) -> None:
    _ledger(run_dir, _sent(1), tail='{"kind": "answered", "n": 1, "t": 0.')
    journal = read_journal(run_dir)
    assert (len(journal.samples), journal.samples[0].good, journal.ledger_closed) == (1, False, None)


@pytest.mark.parametrize(
    "lines",
    [[_sent(1), _sent(1)], [_answered(1, 0.03)], [{"kind": "sent", "n": 1}], [_sent(1), _answered(1, 1, good=None)]],
)
def test_a_damaged_ledger_is_refused_or_counts_as_bad(run_dir: Path, lines: list[dict[str, Any]]) -> None:
    _ledger(run_dir, *lines)
    try:
        journal = read_journal(run_dir)
    except UsageError as error:
        assert "damaged" in error.message  # noqa: PT017  # either refusal is right
    else:
        assert not any(sample.good for sample in journal.samples)


def test_a_ledger_from_before_answers_named_their_release_is_read(run_dir: Path) -> None:
    _ledger(run_dir, _sent(1), _answered(1, 0.05), _sent(2), _answered(2, 0.06, release="sha256:1"))
    assert [sample.release for sample in read_journal(run_dir).samples] == [None, "sha256:1"]
    assert read_journal(run_dir).samples[0].took_s == pytest.approx(0.03)


def _handshakes(run_dir: Path, *lines: dict[str, Any], tail: str = "") -> None:
    text = "".join(json.dumps(line) + "\n" for line in (OPENED, *lines))
    (run_dir / "handshakes.jsonl").write_text(text + tail)


def test_a_run_in_which_nobody_shook_hands_has_no_ledger_of_them(run_dir: Path) -> None:
    assert read_journal(run_dir).handshakes is None


def test_a_handshake_and_its_end_become_one_and_what_did_not_end_is_unanswered(run_dir: Path) -> None:
    shown = {"serial": "0A", "fingerprint": "f", "not_after": "tomorrow"}
    _handshakes(
        run_dir,
        {"kind": "begun", "n": 1, "due": 0.0, "t": 0.01},
        {"kind": "missed", "n": 2, "due": 0.1, "t": 0.1, "because": "the cap"},
        {"kind": "begun", "n": 3, "due": 0.2, "t": 0.2},
        {"kind": "ended", "n": 1, "t": 0.04, "shaken": 0.03, "outcome": "good", **shown},
        tail='{"kind":"ended","n":3,"out',
    )
    ledger = read_journal(run_dir).handshakes
    assert ledger is not None
    assert [one.outcome for one in ledger.handshakes] == ["good", "missed", "unanswered"]
    assert ledger.handshakes[0].took_s == pytest.approx(0.02)
    assert ledger.closed is None


@pytest.mark.parametrize(
    "lines",
    [
        [{"kind": "begun", "n": 1, "due": 0.0, "t": 0.0}] * 2,
        [{"kind": "begun", "n": 1}],
        [{"kind": "begun", "n": "one", "due": 0.0, "t": 0.0}],
        [{"kind": "begun", "n": 1, "due": 0.0, "t": 0.0}, {"kind": "ended", "n": 1}],
    ],
)
def test_a_damaged_ledger_of_handshakes_is_refused(run_dir: Path, lines: list[dict[str, Any]]) -> None:
    _handshakes(run_dir, *lines)
    with pytest.raises(UsageError, match=r"handshakes\.jsonl is damaged"):
        read_journal(run_dir)


def _forgeries(run_dir: Path, *lines: dict[str, Any]) -> None:
    (run_dir / "forgeries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in (OPENED, *lines)))


def test_a_forgery_and_its_end_become_one_and_what_did_not_end_is_unanswered(run_dir: Path) -> None:
    assert read_journal(run_dir).forgeries is None
    _forgeries(
        run_dir,
        {"kind": "learned", "t": 0.0, "kid": "k1"},
        {"kind": "begun", "n": 1, "due": 0.0, "t": 0.01},
        {"kind": "missed", "n": 2, "due": 0.1, "t": 0.1, "because": "the cap"},
        {"kind": "begun", "n": 3, "due": 0.2, "t": 0.2},
        {"kind": "ended", "n": 1, "t": 0.04, "outcome": "refused", "because": "unknown key"},
    )
    ledger = read_journal(run_dir).forgeries
    assert ledger is not None
    assert [one.outcome for one in ledger.forgeries] == ["refused", "missed", "unanswered"]
    assert (ledger.learned or {})["kid"] == "k1"
    assert ledger.closed is None


@pytest.mark.parametrize("end", [{}, {"t": 0.1}, {"t": 0.1, "outcome": "liked"}])
def test_a_damaged_ledger_of_forgeries_is_refused(run_dir: Path, end: dict[str, Any]) -> None:
    _forgeries(run_dir, {"kind": "begun", "n": 1, "due": 0.0, "t": 0.0}, {"kind": "ended", "n": 1, **end})
    with pytest.raises(UsageError, match=r"forgeries\.jsonl is damaged"):
        read_journal(run_dir)
