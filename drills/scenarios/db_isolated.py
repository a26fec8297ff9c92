"""Follows: playbooks/db_failover.yml, playbooks/db_rejoin.yml."""

from drills.faults import HostIsolated
from drills.judges import no_acknowledged_write_lost, no_double_booking, one_primary_at_a_time, recovered_within
from drills.probes import accepts_bookings, refuses_bookings, replication_streaming
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings


@drill(judges=[recovered_within(seconds=10), no_acknowledged_write_lost, no_double_booking, one_primary_at_a_time])
def db_isolated(drill: Drill) -> None:
    """The primary is cut off from everybody and goes on running."""
    primary = drill.site["db_primary"]
    drill.require(replication_streaming(standbys=2), accepts_bookings())
    with drill.during(bookings(per_second=50)):
        drill.steady(for_=seconds(3))
        drill.inject(HostIsolated(primary, still_running="postgresql@15-main"))
        drill.detect(refuses_bookings(), within=seconds(30))
        drill.follow("db_failover")
        drill.wait_for(accepts_bookings(), within=minutes(2))
        drill.heal()
        drill.follow("db_rejoin")
        drill.wait_for(replication_streaming(standbys=2), within=minutes(2))
