import asyncio
import itertools
import time

import pytest

from drills.workloads.pace import GIVE_UP_AFTER_S, Pace

INTERVAL_S = 0.01


def test_a_process_held_up_sends_at_once_what_is_late_and_misses_what_is_too_late() -> None:
    sent: list[tuple[float, float]] = []
    missed: list[float] = []

    def send(tick: int, due: float) -> None:
        sent.append((due, time.monotonic()))
        if tick == 10:
            time.sleep(GIVE_UP_AFTER_S + 0.5)

    async def story() -> None:
        pace = Pace(INTERVAL_S, send, lambda due, _: missed.append(due))
        pace.start()
        await asyncio.sleep(GIVE_UP_AFTER_S + 1.5)
        pace.stop()

    asyncio.run(story())

    dues = sorted([due for due, _ in sent] + missed)
    steps = [later - earlier for earlier, later in itertools.pairwise(dues)]
    assert steps == pytest.approx([INTERVAL_S] * len(steps))  # the grid has no hole
    assert len(missed) >= 10
    assert any(0.5 < moment - due <= GIVE_UP_AFTER_S + 0.1 for due, moment in sent)
