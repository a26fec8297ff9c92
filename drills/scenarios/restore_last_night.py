"""Follows: playbooks/backup_restore.yml, playbooks/backup_verify.yml, playbooks/backup_drop.yml."""

from drills.judges import (
    every_check_met,
    no_acknowledged_write_lost,
    no_double_booking,
    runbook_within,
    served_throughout,
)
from drills.probes import accepts_bookings, cluster_absent, newest_backup_restorable
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings


@drill(
    judges=[
        every_check_met,
        runbook_within(seconds=600),
        served_throughout(slowest=2),
        no_acknowledged_write_lost,
        no_double_booking,
    ],
    takes=minutes(2),
)
def restore_last_night(drill: Drill) -> None:
    """The newest backup is restored beside the live cluster and proved, while customers notice nothing."""
    backup = drill.site.group("backup")[0]
    drill.require(accepts_bookings(), newest_backup_restorable(), cluster_absent(backup))
    with drill.during(bookings(per_second=10)):
        drill.steady(for_=seconds(3))
        drill.follow("backup_restore", backup_restore_host=backup.name, backup_restore_type="manifest")
        drill.follow("backup_verify", backup_restore_host=backup.name)
        drill.follow("backup_drop", backup_restore_host=backup.name)
        drill.wait_for(accepts_bookings(), within=minutes(1))
