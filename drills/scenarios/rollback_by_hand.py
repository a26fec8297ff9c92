"""Follows: playbooks/deploy.yml, playbooks/rollback.yml."""

from drills.faults import RequestOfDeath
from drills.judges import no_acknowledged_write_lost, no_double_booking, recovered_within
from drills.probes import accepts_bookings, refuses_bookings, serves_release
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings


@drill(judges=[recovered_within(seconds=60), no_acknowledged_write_lost, no_double_booking], takes=minutes(4))
def rollback_by_hand(drill: Drill) -> None:
    """A release that was found healthy fails later, and somebody goes back."""
    balancer = drill.site.group("load_balancer")[0]
    drill.require(serves_release(drill.site.release("1.0.0")), accepts_bookings())
    with drill.during(bookings(per_second=50)):
        drill.steady(for_=seconds(3))
        drill.follow("deploy", release_digest=drill.site.release("latent"))
        drill.steady(for_=seconds(3))
        drill.inject(RequestOfDeath(balancer))
        drill.detect(refuses_bookings(), within=seconds(30))
        drill.follow("rollback")
        drill.wait_for(accepts_bookings(), within=minutes(2))
