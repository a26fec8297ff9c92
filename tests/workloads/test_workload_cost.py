from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from drills.workloads.bookings import bookings
from drills.workloads.workload import Setting

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workloads.conftest import Office

ANCHOR = 0.0


def test_fifty_a_second_cost_at_most_a_tenth_of_a_core(office: Office, tmp_path: Path) -> None:
    def cost(attempt: int) -> float:
        folder = tmp_path / f"run{attempt}"
        folder.mkdir()
        workload = bookings(per_second=50).start(
            Setting(folder, f"e{attempt}", {"bookings_url": office.url}, ANCHOR, os.environ)
        )
        time.sleep(15)
        assert workload.stop() == 0
        lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
        return float(lines[-1]["cpu_s"] / (lines[-1]["t"] - lines[0]["t"]))

    # processor time swells when others press on the caches: one of two tries has to be undisturbed
    assert any(cost(attempt) <= 0.1 for attempt in range(2))
