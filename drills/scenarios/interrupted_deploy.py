"""Follows: playbooks/deploy.yml, playbooks/rollback.yml."""

from drills.judges import no_acknowledged_write_lost, no_double_booking, served_throughout
from drills.probes import accepts_bookings, serves_release
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings


@drill(judges=[served_throughout(slowest=1), no_acknowledged_write_lost, no_double_booking], takes=minutes(6))
def interrupted_deploy(drill: Drill) -> None:
    """The controller dies in the middle of a deploy: once somebody goes back, once somebody goes on."""
    before, digest = drill.site.release("1.0.0"), drill.site.release("1.1.0")
    drill.require(serves_release(before), accepts_bookings())
    with drill.during(bookings(per_second=50)):
        drill.steady(for_=seconds(3))
        drill.interrupt("deploy", at="Send customers to the new colour", release_digest=digest)
        drill.follow("rollback", release_digest=before)
        drill.wait_for(serves_release(before), within=minutes(1))
        drill.interrupt("deploy", at="Watch the new release", release_digest=digest)
        drill.follow("deploy", release_digest=digest)
        drill.wait_for(serves_release(digest), within=minutes(1))
        drill.follow("rollback", release_digest=before)
        drill.wait_for(serves_release(before), within=minutes(1))
        drill.wait_for(accepts_bookings(), within=minutes(1))
