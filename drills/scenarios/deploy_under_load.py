"""Follows: playbooks/deploy.yml, playbooks/rollback.yml."""

from drills.judges import no_acknowledged_write_lost, no_double_booking, runbook_within, served_throughout
from drills.probes import accepts_bookings, serves_release
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings


@drill(
    judges=[
        served_throughout(slowest=1),
        runbook_within(seconds=600),
        no_acknowledged_write_lost,
        no_double_booking,
    ],
    takes=minutes(6),
)
def deploy_under_load(drill: Drill) -> None:
    """A release goes out and back, twice, while customers book all the time."""
    drill.require(serves_release(drill.site.release("1.0.0")), accepts_bookings())
    with drill.during(bookings(per_second=200)):
        drill.steady(for_=seconds(3))
        drill.follow("deploy", release_digest=drill.site.release("1.1.0"))
        drill.follow("rollback")
        drill.follow("deploy", release_digest=drill.site.release("1.1.0"))
        drill.follow("rollback")
        drill.wait_for(serves_release(drill.site.release("1.0.0")), within=minutes(1))
        drill.wait_for(accepts_bookings(), within=minutes(1))
