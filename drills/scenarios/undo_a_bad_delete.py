"""Follows: playbooks/backup.yml, backup_restore.yml, backup_verify.yml, rows_restore.yml, backup_drop.yml."""

from drills.faults import RowsDeleted
from drills.judges import (
    deleted_rows_back,
    no_acknowledged_write_lost,
    no_double_booking,
    runbook_within,
    served_throughout,
)
from drills.probes import accepts_bookings, cluster_absent, replication_streaming
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings

TABLES = ["bookings.bookings", "bookings.payments"]


@drill(
    judges=[
        deleted_rows_back,
        served_throughout(slowest=1),
        runbook_within(seconds=600),
        no_acknowledged_write_lost,
        no_double_booking,
    ],
    takes=minutes(5),
)
def undo_a_bad_delete(drill: Drill) -> None:
    """Bookings and their payments are deleted by mistake; they come back, and later ones stay."""
    primary, beside = drill.site["db_primary"], drill.site.group("backup")[0]
    deletion = RowsDeleted(primary, event=drill.site.event)
    at = {"backup_restore_host": beside.name}
    drill.require(replication_streaming(standbys=2), accepts_bookings(), cluster_absent(beside))
    with drill.during(bookings(per_second=20, signed_in=True)):
        drill.steady(for_=seconds(3))
        drill.follow("backup")
        drill.inject(deletion)
        just_before = {"backup_restore_type": "xid", "backup_restore_exclusive": True}
        drill.follow("backup_restore", **at, **just_before, backup_restore_target=deletion.transaction)
        drill.follow("backup_verify", **at)
        drill.follow("rows_restore", **at, rows_restore_database="bookings", rows_restore_tables=TABLES)
        drill.wait_for(deletion.undone(), within=seconds(10))
        drill.follow("backup_drop", **at)
        drill.wait_for(accepts_bookings(), within=minutes(1))
