"""A story that ended early proves nothing, whatever was met until then: each of these was a green drill once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from drills.journal import Sample
from drills.judges.verdict import Status, Summary, Verdict, exit_code, summarize
from drills.live import sentence
from drills.probes import Probe, Reading
from drills.scenario import Drill, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from drills.scenario import Story
    from tests.drill.conftest import Stage

YES = Probe("yes", lambda _: Reading(ok=True, because="always"))
NO = Probe("certificate_lasts", lambda _: Reading(ok=False, because="it is good for another 0:02:40"))
CURE = "cure-host_powered_on"


def judged(stage: Stage, story: Story) -> Summary:
    """The verdict on this story, with a customer who was served before anything was touched."""
    stage.perform(story)
    served = Sample(1, -1.0, -1.0, -0.9, "acknowledged", good=True, status=201)
    opened, closed = {"interval_s": 1.0, "timeout_s": 1.0, "t": -1.0}, {"t": 0.0}
    return summarize(replace(stage.journal(), samples=(served,), ledger_opened=opened, ledger_closed=closed))


def renewal(stage: Stage, probe: Probe) -> Story:
    def story(drill: Drill) -> None:
        with drill.during(stage.workload()):
            drill.inject(stage.fault())
            drill.detect(YES, within=seconds(1))
            drill.follow("db_failover")
            drill.wait_for(probe, within=seconds(0.1))

    return story


def test_a_story_that_is_told_to_its_end_is_met(stage: Stage) -> None:
    summary = judged(stage, renewal(stage, YES))
    assert (summary.verdict, summary.reasons, exit_code(summary)) == (Verdict.MET, (), 0)
    assert "story_ended" not in stage.kinds()


def test_what_never_came_though_every_runbook_succeeded_is_unknown(stage: Stage) -> None:
    summary = judged(stage, renewal(stage, NO))
    why = "certificate_lasts still says no after 0.1 s: it is good for another 0:02:40"
    assert summary.reasons == (f"the story ended early: {why}",)
    assert (summary.status, summary.verdict, exit_code(summary)) == (Status.COMPLETED, Verdict.UNKNOWN, 2)


def test_what_was_never_detected_is_unknown(stage: Stage) -> None:
    def story(drill: Drill) -> None:
        drill.follow("db_failover")
        drill.inject(stage.fault())
        drill.detect(NO, within=seconds(0.1))

    summary = judged(stage, story)
    assert summary.verdict is Verdict.UNKNOWN
    assert "certificate_lasts was not seen within 0.1 s: it is good for another 0:02:40" in summary.reasons[0]


def fails_once(stage: Stage) -> Callable[[str], None]:
    """The cure fails when it is tried first, and puts all right when it is tried again."""

    def on_playbook(name: str) -> None:
        stage.exit_codes[CURE] = int(name == CURE and CURE not in stage.happened[:-1])

    return on_playbook


def test_a_cure_that_failed_in_the_story_leaves_all_that_was_to_come_untried(stage: Stage) -> None:
    def story(drill: Drill) -> None:
        with drill.during(stage.workload()):
            drill.inject(stage.fault())
            drill.expect_failure("db_failover", saying="damaged")
            drill.heal()
            drill.inject(stage.fault())
            drill.expect_failure("db_failover", saying="damaged")
            drill.heal()

    stage.exit_codes["db_failover"], stage.reasons["db_failover"] = 2, "it is damaged"
    stage.on_playbook = fails_once(stage)
    summary = judged(stage, story)
    assert stage.happened.count("harm db1") == 1
    assert (summary.heal.value, summary.verdict, exit_code(summary)) == ("healed", Verdict.UNKNOWN, 2)
    assert "cure of db1 ended with exit code 1" in summary.reasons[0]


def test_a_runbook_that_failed_is_missed_all_the_same(stage: Stage) -> None:
    stage.exit_codes["db_failover"] = 2
    summary = judged(stage, renewal(stage, YES))
    assert (summary.verdict, summary.reasons) == (Verdict.MISSED, ("the story ended early: db_failover failed",))


def test_a_closed_gate_is_void_all_the_same(stage: Stage) -> None:
    summary = judged(stage, lambda drill: drill.require(NO))
    assert (summary.verdict, exit_code(summary)) == (Verdict.VOID, 2)


@pytest.mark.parametrize("probe", [YES, NO])
def test_bookings_are_known_only_if_they_were_read_back_before_the_heal(stage: Stage, probe: Probe) -> None:
    judged(stage, renewal(stage, probe))
    kinds = stage.kinds()
    assert (kinds.index("read_back") < kinds.index("heal_ended")) is (probe is YES)
    lost = judged_writes(stage)
    assert lost == (0 if probe is YES else None)


def judged_writes(stage: Stage) -> int | None:
    return summarize(stage.journal()).measurement.writes.lost


def test_whoever_watches_is_told_that_the_story_ends_early(stage: Stage) -> None:
    judged(stage, renewal(stage, NO))
    ended = stage.journal().first("story_ended")
    assert ended is not None
    assert sentence(ended, {}) == (
        "the story ends early: certificate_lasts still says no after 0.1 s: it is good for another 0:02:40"
    )
