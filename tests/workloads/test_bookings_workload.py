"""The process as a drill holds it, against a real service that misbehaves."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from drills.errors import UsageError
from drills.workloads.bookings import bookings
from drills.workloads.ledger import LedgerTail, Rate
from drills.workloads.readback import read_back
from drills.workloads.workload import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from drills.journal import Journal, Sample
    from drills.workloads.process import RunningWorkload
    from tests.workloads.conftest import Office

    Read = Callable[[], Journal]
    Eventually = Callable[[Callable[[], object]], None]

ANCHOR = 0.0
PARENT = """
import os, sys, time
from pathlib import Path
from drills.workloads.bookings import bookings
from drills.workloads.workload import Setting
setting = Setting(Path(sys.argv[1]), "e", {"bookings_url": sys.argv[2]}, 0.0, os.environ)
print(bookings(20).start(setting).pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def running(office: Office, run_dir: Path) -> Iterator[RunningWorkload]:
    workload = bookings(per_second=50).start(Setting(run_dir, "e", {"bookings_url": office.url}, ANCHOR, os.environ))
    yield workload
    workload.stop()


def since(journal: Journal, moment: float, until: float = float("inf")) -> list[Sample]:
    return [sample for sample in journal.samples if moment <= sample.due < until]


def rate(running: RunningWorkload) -> Rate:
    return LedgerTail(running.ledger).rate(time.monotonic() - ANCHOR)


def assert_no_hole(journal: Journal) -> None:
    dues = sorted({sample.due for sample in journal.samples})
    steps = [later - earlier for earlier, later in itertools.pairwise(dues)]
    assert steps == pytest.approx([0.02] * len(steps), abs=1e-4)


def test_a_healthy_service_is_good_in_all_three_purposes(office: Office, running: RunningWorkload, read: Read) -> None:
    time.sleep(3)
    live = rate(running)
    assert running.stop() == 0

    journal = read()
    purposes = Counter(sample.purpose for sample in journal.samples)
    assert purposes["book"] > purposes["rival"] > purposes["repeat"] > 0
    assert [sample for sample in journal.samples if not sample.good] == []
    assert live.good > 0
    assert live.bad == 0
    shown = read_back(office.url, "e", 10.0)
    acknowledged = {(s.key, s.seat, s.booking) for s in journal.samples if s.acknowledged}
    assert shown.complete
    assert acknowledged == set(shown.rows)
    assert office.be("well")["events"] == {"e": 180_000}
    assert journal.ledger_opened is not None
    assert journal.ledger_opened["interval_s"] == 0.02
    assert journal.ledger_closed is not None
    assert journal.ledger_closed["attempted"] == len(journal.samples)


def test_the_loop_keeps_its_pace_while_the_service_stalls(office: Office, running: RunningWorkload, read: Read) -> None:
    time.sleep(1)
    office.be("stall")
    stalled = time.monotonic()
    time.sleep(3)
    well = time.monotonic()
    office.be("well")
    time.sleep(1)
    running.stop()

    journal = read()
    assert_no_hole(journal)
    unanswered = since(journal, stalled + 0.1, well - 1.1)
    assert len(unanswered) >= 0.9 * (well - stalled - 1.2) * 50
    assert {(sample.outcome, sample.good) for sample in unanswered} == {("indeterminate", False)}
    assert {sample.because for sample in unanswered} == {"no answer within 1 s"}
    assert since(journal, well + 0.5)[0].good


def test_a_connection_refused_is_surely_not_written(office: Office, running: RunningWorkload, read: Read) -> None:
    time.sleep(0.5)
    office.die()
    dead = time.monotonic()
    time.sleep(1)
    assert running.alive()
    assert rate(running).bad > 0
    assert running.stop() == 0

    after = since(read(), dead + 0.1)
    assert after
    assert {(sample.outcome, sample.good, sample.status) for sample in after} == {("refused", False, None)}
    assert all(sample.because.startswith("not sent:") for sample in after)


@pytest.mark.parametrize("mood", ["drop", "elsewhere"])
def test_a_reset_or_a_redirect_is_indeterminate_and_no_request_is_sent_twice(
    office: Office, running: RunningWorkload, read: Read, mood: str
) -> None:
    time.sleep(0.5)  # connections are kept alive by now: those are the ones that clients like to retry on
    office.be(mood)
    moment = time.monotonic()
    time.sleep(1)
    running.stop()

    journal = read()
    after = since(journal, moment + 0.1)
    assert after
    assert {(sample.outcome, sample.good) for sample in after} == {("indeterminate", False)}
    asked = Counter(office.be("well")["asked"])
    sent = Counter(sample.key for sample in journal.samples)
    assert {key: count for key, count in asked.items() if count > sent[key]} == {}


@pytest.mark.parametrize(("mood", "outcome"), [("unavailable", "refused"), ("unsure", "indeterminate")])
def test_a_503_is_refused_only_where_the_service_says_that_nothing_was_written(
    office: Office, running: RunningWorkload, read: Read, mood: str, outcome: str
) -> None:
    office.be(mood)
    moment = time.monotonic()
    time.sleep(1)
    running.stop()

    after = since(read(), moment + 0.1)
    assert {(sample.outcome, sample.good, sample.status) for sample in after} == {(outcome, False, 503)}


def test_announced_maintenance_is_noted_as_such_and_who_answered_before(
    office: Office, running: RunningWorkload, read: Read
) -> None:
    time.sleep(0.5)
    office.be("maintenance")
    moment = time.monotonic()
    time.sleep(0.5)
    running.stop()

    journal = read()
    after = since(journal, moment + 0.1)
    assert {(sample.outcome, sample.good, sample.release) for sample in after} == {("refused", False, None)}
    assert all("announced maintenance, Retry-After 60" in sample.because for sample in after)
    assert journal.samples[0].release == "sha256:1"


def test_both_rivals_served_is_written_as_it_is(office: Office, running: RunningWorkload, read: Read) -> None:
    office.be("both_win")
    moment = time.monotonic()
    time.sleep(1)
    running.stop()

    rivals = [sample for sample in since(read(), moment + 0.1) if sample.purpose == "rival"]
    assert {(sample.outcome, sample.status) for sample in rivals} == {("acknowledged", 201)}
    assert len({sample.seat for sample in rivals}) == len(rivals) / 2
    assert len({sample.booking for sample in rivals}) == len(rivals)


def test_a_key_that_the_service_forgot_is_not_good_and_keeps_the_new_booking(
    office: Office, running: RunningWorkload, read: Read
) -> None:
    time.sleep(1.5)
    office.be("forget")
    moment = time.monotonic()
    time.sleep(1.5)
    running.stop()

    journal = read()
    repeats = [sample for sample in since(journal, moment + 0.1) if sample.purpose == "repeat"]
    assert repeats
    for repeat in repeats:
        assert (repeat.outcome, repeat.good, repeat.status) == ("acknowledged", False, 201)
        assert repeat.booking is not None
        assert f"was forgotten: booked again as {repeat.booking}" in repeat.because


def test_a_workload_that_was_frozen_says_what_it_missed(running: RunningWorkload, read: Read) -> None:
    time.sleep(0.5)
    os.kill(running.pid, signal.SIGSTOP)
    time.sleep(2.5)
    os.kill(running.pid, signal.SIGCONT)
    time.sleep(0.5)
    running.stop()

    journal = read()
    assert_no_hole(journal)
    missed = [sample for sample in journal.samples if sample.outcome == "missed"]
    assert len(missed) >= 50
    assert "the workload itself was held up" in missed[0].because
    assert journal.ledger_closed is not None
    assert journal.ledger_closed["late_max_s"] > 0.5


def test_it_ends_in_good_order_on_sigterm(running: RunningWorkload, read: Read) -> None:
    time.sleep(0.5)
    running.process.terminate()

    assert running.process.wait(20) == 0
    assert not running.alive()
    assert read().ledger_closed is not None


def test_it_waits_for_the_answers_still_to_come(office: Office, running: RunningWorkload, read: Read) -> None:
    office.be("stall")
    time.sleep(0.5)
    assert running.stop() == 0

    journal = read()
    assert all(sample.ended is not None for sample in journal.samples)
    assert journal.ledger_closed is not None


def test_it_ends_on_the_word_stop(office: Office, run_dir: Path) -> None:
    workload = bookings(20).start(Setting(run_dir, "e", {"bookings_url": office.url}, ANCHOR, os.environ))
    assert workload.process.stdin is not None
    workload.process.stdin.write(b"stop\n")
    workload.process.stdin.flush()

    assert workload.process.wait(20) == 0


def test_it_ends_when_its_parent_is_killed(office: Office, run_dir: Path, read: Read, eventually: Eventually) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(run_dir), office.url], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    parent.stdout.readline()
    parent.kill()
    parent.wait()
    parent.stdout.close()

    eventually(lambda: read().ledger_closed)


def test_killed_it_leaves_a_ledger_whose_unanswered_requests_are_indeterminate(
    office: Office, running: RunningWorkload, run_dir: Path, read: Read
) -> None:
    time.sleep(0.5)
    office.be("stall")
    time.sleep(0.5)
    running.process.kill()
    assert running.stop() == -signal.SIGKILL
    with (run_dir / "ledger.jsonl").open("ab") as file:
        file.write(b'{"kind":"answered","n":1,"t":0.1,"outc')  # as a torn write leaves it

    journal = read()
    unanswered = [sample for sample in journal.samples if sample.ended is None]
    assert len(unanswered) >= 10
    assert {(sample.outcome, sample.good) for sample in unanswered} == {("indeterminate", False)}
    assert journal.samples[0].acknowledged
    assert journal.ledger_closed is None


def test_it_has_a_session_of_its_own_and_carries_the_runs_id(running: RunningWorkload, run_dir: Path) -> None:
    with open(f"/proc/{running.pid}/environ", "rb") as file:  # noqa: PTH123  # no path of ours
        environment = file.read().split(b"\0")

    assert os.getsid(running.pid) == running.pid
    assert f"DRILLBOOK_RUN={run_dir.name}".encode() in environment


def test_a_service_out_of_reach_is_the_users_to_mend(free_url: str, run_dir: Path) -> None:
    with pytest.raises(UsageError) as caught:
        bookings().start(Setting(run_dir, "e", {"bookings_url": free_url}, ANCHOR, os.environ))

    assert f"the bookings service at {free_url} did not create the event 'e' within 10 s" in caught.value.message
    assert caught.value.hint == f"curl -i {free_url}/readyz"
    assert not (run_dir / "ledger.jsonl").exists()


def test_a_folder_that_has_a_ledger_is_refused(office: Office, run_dir: Path) -> None:
    (run_dir / "ledger.jsonl").touch()

    with pytest.raises(UsageError, match="cannot create the ledger"):
        bookings().start(Setting(run_dir, "e", {"bookings_url": office.url}, ANCHOR, os.environ))


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
def test_a_rate_that_is_no_rate_is_refused(rate: float) -> None:
    with pytest.raises(UsageError, match="not a positive number"):
        bookings(per_second=rate)


def test_a_wrong_command_line_exits_with_64() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "drills.workloads.client", "--per-second", "0"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )

    assert process.returncode == 64
    assert process.stderr.startswith("error: ")
    assert "HINT: python -m drills.workloads.client --help" in process.stderr
