"""Follows: playbooks/deploy.yml; playbooks/rollback.yml undoes what it leaves."""

from drills.judges import harm_within, no_acknowledged_write_lost, no_double_booking
from drills.probes import accepts_bookings, serves_release
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings


@drill(judges=[harm_within(seconds=20), no_acknowledged_write_lost, no_double_booking], takes=minutes(3))
def bad_release_slow(drill: Drill) -> None:
    """A release that keeps customers waiting is noticed, and they are sent back."""
    drill.require(serves_release(drill.site.release("1.0.0")), accepts_bookings())
    with drill.during(bookings(per_second=50)):
        drill.steady(for_=seconds(3))
        drill.expect_failure("deploy", saying="rolled back", release_digest=drill.site.release("slow"))
        drill.wait_for(serves_release(drill.site.release("1.0.0")), within=minutes(1))
        drill.wait_for(accepts_bookings(), within=minutes(1))
