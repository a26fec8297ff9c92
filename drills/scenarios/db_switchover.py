"""Follows: playbooks/db_failover.yml, playbooks/db_rejoin.yml."""

from drills.judges import no_acknowledged_write_lost, no_double_booking, one_primary_at_a_time, recovered_within
from drills.probes import accepts_bookings, replication_streaming
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings


# The clock begins with the runbook, whose checks of the whole cluster come before any customer notices.
@drill(judges=[recovered_within(seconds=20), no_acknowledged_write_lost, no_double_booking, one_primary_at_a_time])
def db_switchover(drill: Drill) -> None:
    """A healthy primary hands over to a standby, as planned."""
    drill.require(replication_streaming(standbys=2), accepts_bookings())
    with drill.during(bookings(per_second=50)):
        drill.steady(for_=seconds(3))
        drill.follow("db_failover", db_failover_graceful=True)
        drill.wait_for(accepts_bookings(), within=minutes(2))
        drill.follow("db_rejoin")
        drill.wait_for(replication_streaming(standbys=2), within=minutes(2))
