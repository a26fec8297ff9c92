"""Follows: playbooks/deploy.yml; playbooks/rollback.yml undoes what it leaves."""

from drills.faults import ReleaseTampered
from drills.judges import never_served, no_acknowledged_write_lost, no_double_booking, served_throughout
from drills.probes import accepts_bookings, release_absent, serves_release
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings


@drill(
    judges=[served_throughout(slowest=1), never_served, no_acknowledged_write_lost, no_double_booking],
    takes=minutes(2),
)
def tampered_release(drill: Drill) -> None:
    """Somebody changed a release in the store, and no host takes it."""
    store = drill.site.group("release_store")[0]
    digest = drill.site.release("2.0.0")
    drill.require(serves_release(drill.site.release("1.0.0")), accepts_bookings(), release_absent(digest))
    with drill.during(bookings(per_second=50)):
        drill.steady(for_=seconds(3))
        drill.inject(ReleaseTampered(store, digest))
        drill.expect_failure("deploy", saying="which is something else", release_digest=digest)
        drill.wait_for(release_absent(digest), within=seconds(30))
        drill.wait_for(accepts_bookings(), within=minutes(1))
