from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges import Judgement, Outcome, no_acknowledged_write_lost, no_double_booking
from drills.measurement import account

if TYPE_CHECKING:
    from tests.conftest import Story


def _lost(story: Story) -> Judgement:
    return no_acknowledged_write_lost.judge(story.journal())


def _read_back_after_the_heal(story: Story) -> Story:
    return story.without("read_back").read_back(37.0, 1).read_back(39.0, 2)


def _doubled(story: Story) -> Judgement:
    return no_double_booking.judge(story.journal())


def test_a_good_run_lost_nothing_and_sold_nothing_twice(failover: Story) -> None:
    assert _lost(failover).outcome is Outcome.MET
    assert _doubled(failover).outcome is Outcome.MET


def test_what_was_never_read_back_is_unknown(failover: Story) -> None:
    failover.without("read_back")
    assert _lost(failover).outcome is Outcome.UNKNOWN
    assert _doubled(failover).outcome is Outcome.UNKNOWN
    writes = account(failover.journal())
    assert (writes.lost, writes.recovered, writes.duplicated) == (None, None, None)


def test_one_read_back_is_not_enough(failover: Story) -> None:
    assert _lost(failover.without("read_back").read_back(31.0, 1)).outcome is Outcome.UNKNOWN


def test_a_partial_read_back_is_unknown(failover: Story) -> None:
    failover.without("read_back").read_back(31.0, 1).read_back(33.0, 2, complete=False)
    judgement = _lost(failover)
    assert (judgement.outcome, judgement.because) == (Outcome.UNKNOWN, "a read-back was not complete: cut short")


def test_a_read_back_before_the_last_acknowledgement_proves_nothing(failover: Story) -> None:
    failover.without("read_back").read_back(20.0, 1).read_back(33.0, 2)
    assert _lost(failover).outcome is Outcome.UNKNOWN


def test_an_acknowledged_write_that_is_gone_is_lost(failover: Story) -> None:
    rows = failover.rows(2)
    del rows[10]
    judgement = _lost(failover)
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, 1.0)
    writes = account(failover.journal())
    assert writes.lost_window is not None
    assert writes.lost_window[0] == writes.lost_window[1]


def test_a_late_write_is_noted_but_not_lost(failover: Story) -> None:
    del failover.rows(1)[10]
    judgement = _lost(failover)
    assert judgement.outcome is Outcome.MET
    assert "1 were late" in judgement.because


def test_another_booking_than_was_acknowledged_is_a_loss(failover: Story) -> None:
    failover.rows(2)[10][2] = "another"
    failover.rows(2)[20][1] = 99_999
    assert _lost(failover).measured == 2.0


def test_a_loss_is_missed_though_the_workload_died(failover: Story) -> None:
    failover.closed = None
    assert _lost(failover).outcome is Outcome.UNKNOWN
    del failover.rows(2)[10]
    assert _lost(failover).outcome is Outcome.MISSED


def test_nothing_acknowledged_after_the_fault_proves_nothing(failover: Story) -> None:
    failover.fail(12.0, 31.0)
    judgement = _lost(failover)
    assert judgement.outcome is Outcome.UNKNOWN
    assert "nothing was acknowledged after the fault" in judgement.because


def test_an_indeterminate_write_may_be_there_or_not(failover: Story) -> None:
    timed_out = next(sample for sample in failover.samples if sample.outcome == "indeterminate")
    for number in (1, 2):
        failover.rows(number).append([timed_out.key, timed_out.seat, "unheard-of"])
    assert _lost(failover).outcome is Outcome.MET
    writes = account(failover.journal())
    assert (writes.indeterminate, writes.recovered, writes.lost) == (40, 1, 0)


def test_a_seat_sold_twice_is_missed(failover: Story) -> None:
    failover.rows(2).append(["key-x", 1, "booking-x"])
    judgement = _doubled(failover)
    assert (judgement.outcome, judgement.because) == (Outcome.MISSED, "booked twice: seat 1")


def test_a_key_with_two_bookings_is_missed(failover: Story) -> None:
    failover.rows(2).append(["key-1", 70_000, "booking-x"])
    assert _doubled(failover).because == "booked twice: key key-1"


def test_rivals_who_both_got_the_seat_are_missed_though_nothing_was_read_back(failover: Story) -> None:
    failover.without("read_back").change(
        lambda sample: sample.n == 3, outcome="acknowledged", status=201, booking="booking-3"
    )
    assert _doubled(failover).because == "booked twice: seat 2"


def test_a_repeat_answered_with_another_booking_is_missed(failover: Story) -> None:
    failover.without("read_back").change(
        lambda sample: sample.n == 5, purpose="repeat", key="key-4", seat=4, booking="another"
    )
    assert _doubled(failover).outcome is Outcome.MISSED


def test_a_repeat_answered_with_the_same_booking_is_one_write(failover: Story) -> None:
    attempted = account(failover.journal()).attempted
    failover.without("read_back").change(
        lambda sample: sample.n == 5, purpose="repeat", key="key-4", seat=4, booking="booking-4", status=200
    )
    failover.read_back(31.0, 1).read_back(33.0, 2)
    assert _doubled(failover).outcome is Outcome.MET
    assert account(failover.journal()).attempted == attempted - 1


def test_without_rivals_nothing_was_contested(failover: Story) -> None:
    failover.change(lambda sample: sample.purpose == "rival", purpose="book")
    assert _doubled(failover).outcome is Outcome.UNKNOWN


def test_what_is_there_after_the_heal_is_not_the_merit_of_the_runbook(failover: Story) -> None:
    _read_back_after_the_heal(failover)
    judgement = _lost(failover)
    assert (judgement.outcome, judgement.measured) == (Outcome.UNKNOWN, None)
    assert "only after the drill had healed" in judgement.because
    assert account(failover.journal()).lost is None
    doubled = _doubled(failover)
    assert doubled.outcome is Outcome.UNKNOWN
    assert "only after the drill had healed" in doubled.because


def test_what_is_gone_even_after_the_heal_is_lost(failover: Story) -> None:
    del _read_back_after_the_heal(failover).rows(2)[10]
    judgement = _lost(failover)
    assert (judgement.outcome, judgement.measured) == (Outcome.MISSED, 1.0)


def test_a_heal_that_the_story_itself_wanted_takes_nothing_from_it(failover: Story) -> None:
    failover.without("heal_started", "cure_applied").add(20.0, "heal_started")
    failover.add(21.0, "cure_applied", cure="c1", exit_code=0, because="the power is back")
    assert _lost(failover).outcome is Outcome.MET
    assert _doubled(failover).outcome is Outcome.MET


def test_a_heal_that_had_nothing_to_heal_takes_nothing_either(failover: Story) -> None:
    _read_back_after_the_heal(failover).without("heal_ended")
    failover.add(36.1, "heal_ended", heal="nothing_to_heal", because="nothing was touched")
    assert _lost(failover).outcome is Outcome.MET
