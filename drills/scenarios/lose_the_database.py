"""Follows: playbooks/backup_restore.yml, playbooks/backup_verify.yml, playbooks/db_rejoin.yml."""

from drills.faults import DatabaseLost
from drills.judges import every_check_met, loses_at_most, one_primary_at_a_time, recovered_within
from drills.probes import accepts_bookings, newest_backup_restorable, refuses_bookings, replication_streaming
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings


# The customers write for longer than may be lost without being archived, so that the loss has an end that is seen. A
# seat whose booking is lost is sold again, so double bookings are no promise here; the verification looks that the
# database itself has none.
@drill(
    judges=[
        recovered_within(seconds=300),
        loses_at_most(seconds=60),
        every_check_met,
        one_primary_at_a_time,
    ],
    takes=minutes(6),
)
def lose_the_database(drill: Drill) -> None:
    """Every database host loses its data, and the cluster is rebuilt from backup."""
    primary = drill.site["db_primary"]
    lost = DatabaseLost(drill.site.group("database"))
    drill.require(replication_streaming(standbys=2), accepts_bookings(), newest_backup_restorable())
    with drill.during(bookings(per_second=20)):
        drill.steady(for_=seconds(60))
        drill.inject(lost)
        drill.detect(refuses_bookings(), within=seconds(30))
        drill.follow("backup_restore", backup_restore_host=primary.name, backup_restore_cluster="main")
        drill.wait_for(accepts_bookings(), within=minutes(2))
        drill.follow(
            "backup_verify",
            backup_restore_host=primary.name,
            backup_restore_cluster="main",
            backup_restore_reference=lost.moment,
        )
        drill.follow("db_rejoin")
        drill.wait_for(replication_streaming(standbys=2), within=minutes(2))
