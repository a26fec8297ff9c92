"""Follows: playbooks/deploy.yml; playbooks/rollback.yml undoes what it leaves."""

from drills.judges import never_served, no_acknowledged_write_lost, no_double_booking, served_throughout
from drills.probes import accepts_bookings, serves_release
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings


@drill(
    judges=[served_throughout(slowest=1), never_served, no_acknowledged_write_lost, no_double_booking],
    takes=minutes(3),
)
def bad_release_crash(drill: Drill) -> None:
    """A release that never becomes ready is refused, and no customer meets it."""
    drill.require(serves_release(drill.site.release("1.0.0")), accepts_bookings())
    with drill.during(bookings(per_second=50)):
        drill.steady(for_=seconds(3))
        drill.expect_failure("deploy", saying="not ready", release_digest=drill.site.release("crash"))
        drill.wait_for(serves_release(drill.site.release("1.0.0")), within=minutes(1))
        drill.wait_for(accepts_bookings(), within=minutes(1))
