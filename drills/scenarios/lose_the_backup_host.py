"""Follows: playbooks/backup_restore.yml, playbooks/backup_verify.yml, playbooks/backup_drop.yml."""

from drills.faults import HostPoweredOff
from drills.judges import (
    every_check_met,
    no_acknowledged_write_lost,
    no_double_booking,
    runbook_within,
    served_throughout,
)
from drills.probes import accepts_bookings, cluster_absent, newest_backup_restorable, replication_streaming
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings


# Before the host dies customers write for longer than a copy may lack by its verification (backup_loss_limit_seconds),
# so one that has none of their writes fails it. WAL goes on to the repository that is left: it may have later ones too.
@drill(
    judges=[
        every_check_met,
        runbook_within(seconds=600),
        served_throughout(slowest=2),
        no_acknowledged_write_lost,
        no_double_booking,
    ],
    takes=minutes(5),
)
def lose_the_backup_host(drill: Drill) -> None:
    """The backup host dies; the bucket, restored to another host, lacks at most the last minute before that."""
    spare = drill.site.group("database")[-1]
    death = HostPoweredOff(drill.site.group("backup")[0])
    drill.require(
        accepts_bookings(), replication_streaming(standbys=2), newest_backup_restorable(), cluster_absent(spare)
    )
    with drill.during(bookings(per_second=10)):
        drill.steady(for_=seconds(60))
        drill.inject(death)
        drill.follow(
            "backup_restore", backup_restore_host=spare.name, backup_restore_repository=2, backup_repository_host=""
        )
        drill.follow("backup_verify", backup_restore_host=spare.name, backup_restore_reference=death.moment)
        drill.follow("backup_drop", backup_restore_host=spare.name)
        drill.heal()
        drill.wait_for(accepts_bookings(), within=minutes(1))
