"""Follows: playbooks/key_rotation.yml, playbooks/backup.yml."""

from drills.judges import (
    every_check_met,
    every_old_key_refused,
    no_acknowledged_write_lost,
    no_double_booking,
    no_failed_handshake,
    runbook_within,
    served_throughout,
)
from drills.probes import accepts_bookings, newest_backup_restorable, replication_streaming
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings
from drills.workloads.handshakes import handshakes


# One after the other, so that the report says of each kind when it was changed, how long that took, and what was tried.
# The SSH key comes last, since everything above signs in with it.
@drill(
    judges=[
        every_old_key_refused,
        every_check_met,
        served_throughout(slowest=1),
        no_failed_handshake,
        runbook_within(seconds=300),
        no_acknowledged_write_lost,
        no_double_booking,
    ],
    takes=minutes(8),
)
def rotate_every_key(drill: Drill) -> None:
    """Every kind of key is changed while customers book; each old one is tried afterwards, and refused."""
    drill.require(accepts_bookings(), replication_streaming(standbys=2), newest_backup_restorable())
    with drill.during(bookings(per_second=30, signed_in=True), handshakes(per_second=35)):
        drill.steady(for_=seconds(3))
        drill.follow("key_rotation", key_rotation_kind="webhook_secret")
        drill.follow("key_rotation", key_rotation_kind="signing_key")
        drill.follow("key_rotation", key_rotation_kind="database_password")
        drill.follow("key_rotation", key_rotation_kind="tls_key")
        drill.follow("key_rotation", key_rotation_kind="backup_passphrase")
        drill.follow("backup")
        drill.follow("key_rotation", key_rotation_kind="backup_bucket_passphrase")
        drill.follow("backup")
        drill.follow("key_rotation", key_rotation_kind="automation_key")
        drill.wait_for(accepts_bookings(), within=minutes(1))
