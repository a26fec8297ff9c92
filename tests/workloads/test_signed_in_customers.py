"""Customers who sign in, show their tokens and pay; what goes wrong with keys is seen by them and by nobody else."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from drills.errors import UsageError
from drills.workloads.answers import read_answer
from drills.workloads.bookings import bookings
from drills.workloads.workload import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from drills.journal import Journal
    from drills.workloads.process import RunningWorkload
    from tests.workloads.conftest import Office

    Read = Callable[[], Journal]

ANCHOR = 0.0


@pytest.fixture
def provider(tmp_path: Path) -> Path:
    path = tmp_path / "provider.json"
    path.write_text(json.dumps({"id": "w1", "secret": "first"}))
    return path


@pytest.fixture
def running(office: Office, run_dir: Path, provider: Path) -> Iterator[RunningWorkload]:
    variables = {"bookings_url": office.url, "bookings_payment_provider_file": str(provider)}
    workload = bookings(per_second=50, signed_in=True).start(Setting(run_dir, "e", variables, ANCHOR, os.environ))
    yield workload
    workload.stop()


def test_every_customer_is_signed_in_from_the_first_request_on_and_signs_in_again_in_time(
    office: Office, running: RunningWorkload, read: Read
) -> None:
    time.sleep(5)  # longer than a token lives
    assert running.stop() == 0

    samples = read().samples
    assert [sample for sample in samples if not sample.good] == []
    purposes = Counter(sample.purpose for sample in samples)
    assert min(purposes[one] for one in ("book", "rival", "repeat", "pay", "sign_in")) > 0
    seen = office.be("well")
    assert sum(seen["shown"].values()) == purposes["book"] + purposes["rival"] + purposes["repeat"]
    assert len(seen["shown"]) >= 2 * 16
    assert len(seen["paid"]["first"]) == purposes["pay"]
    assert set(seen["paid"]["first"]) <= {sample.booking for sample in samples}


def test_a_token_that_is_revoked_hurts_each_customer_until_the_next_sign_in(
    office: Office, running: RunningWorkload, read: Read
) -> None:
    time.sleep(1)
    office.be("revoke")
    moment = time.monotonic() - ANCHOR
    time.sleep(2)
    assert running.stop() == 0

    hurt = [sample for sample in read().samples if not sample.good]
    assert {sample.status for sample in hurt} <= {401, None}
    assert 1 <= sum(sample.status == 401 for sample in hurt) <= 16 + 2  # those two may be on their way
    assert {sample.because for sample in hurt} <= {"401 instead of 201 (bad_token)", "nobody is signed in"} | {
        f"401 instead of {other} (bad_token)" for other in ("200", "201 or 409")
    }
    assert min(sample.moment for sample in hurt) >= moment - 0.1
    assert any(sample.good and sample.moment > max(one.moment for one in hurt) for sample in read().samples)


def test_the_payment_provider_signs_with_the_secret_as_it_is_now(
    office: Office, running: RunningWorkload, provider: Path, read: Read
) -> None:
    for secret in ("second", "a third one"):
        time.sleep(1)
        part = provider.with_suffix(".part")
        part.write_text(json.dumps({"id": "w2", "secret": secret}))
        part.replace(provider)
    time.sleep(1)
    assert running.stop() == 0

    assert all(office.be("well")["paid"].values())
    refused = [sample for sample in read().samples if not sample.good]
    assert {(sample.purpose, sample.status) for sample in refused} == {("pay", 401)}


def test_a_payment_that_is_not_confirmed_is_not_good(office: Office, running: RunningWorkload, read: Read) -> None:
    office.be("free")
    time.sleep(1.5)
    running.stop()

    bad = [sample for sample in read().samples if not sample.good]
    assert bad
    assert all(sample.because.startswith("the payment was noted as refund_due") for sample in bad)


def test_nothing_secret_is_in_what_the_run_leaves_or_in_the_processs_arguments(
    running: RunningWorkload, run_dir: Path
) -> None:
    time.sleep(1)
    with open(f"/proc/{running.pid}/cmdline", "rb") as file:  # noqa: PTH123  # no path of ours
        told = file.read().decode()
    running.stop()
    for path in run_dir.rglob("*"):
        told += path.read_text() if path.is_file() else ""
    assert "first" not in told
    assert "Bearer" not in told
    assert "token" not in told


@pytest.mark.parametrize("content", [None, "", "[]", "{}"])
def test_a_provider_without_a_secret_is_the_users_to_mend(
    office: Office, run_dir: Path, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "provider.json"
    if content is not None:
        path.write_text(content)
    variables = {"bookings_url": office.url, "bookings_payment_provider_file": str(path)}
    with pytest.raises(UsageError, match="the payment provider has no secret") as caught:
        bookings(signed_in=True).start(Setting(run_dir, "e", variables, ANCHOR, os.environ))
    assert str(path) in caught.value.message
    assert not (run_dir / "ledger.jsonl").exists()


def test_an_inventory_that_names_no_provider_is_told(office: Office, run_dir: Path) -> None:
    with pytest.raises(UsageError, match="no bookings_payment_provider_file"):
        bookings(signed_in=True).start(Setting(run_dir, "e", {"bookings_url": office.url}, ANCHOR, os.environ))


def test_a_sign_in_without_a_token_is_not_good() -> None:
    assert read_answer("sign_in", 200, b'{"token": "t", "expires_at": 1}').good
    assert read_answer("sign_in", 200, b"{}").because == "200 without a token"
    assert not read_answer("sign_in", 503, b"{}").good


def test_a_payment_is_good_for_its_booking_alone() -> None:
    paid = b'{"booking": "b1", "outcome": "confirmed"}'
    assert read_answer("pay", 200, paid, "b1").good
    assert not read_answer("pay", 200, paid, "b2").good
    assert not read_answer("pay", 401, b'{"error": "bad_signature"}', "b1").good
