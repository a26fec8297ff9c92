"""Follows: playbooks/backup.yml, playbooks/backup_restore.yml, playbooks/backup_verify.yml."""

from drills.faults import (
    ArchiverStopped,
    BackupsOfAnotherCluster,
    BackupTruncated,
    DatabaseEmptied,
    DiskTooSmall,
    ExtensionDropped,
    Fault,
    PageFlipped,
    PassphraseWrong,
    RoleDropped,
    SegmentMissing,
)
from drills.judges import every_damage_caught, no_acknowledged_write_lost, no_double_booking, served_throughout
from drills.probes import accepts_bookings, replication_streaming
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings

# The copy stands beside whatever else was restored on the backup host.
NAME, PORT, SMALL = "drilled", 5434, "/var/lib/postgresql/15/small"
READ_ALL, COUNTED = {"backup_restore_read_all": True}, {"backup_restore_type": "manifest"}
TOO_LATE = {"backup_restore_type": "time", "backup_restore_target": "2099-01-01 00:00:00+00:00"}


@drill(
    judges=[every_damage_caught, served_throughout(slowest=5), no_acknowledged_write_lost, no_double_booking],
    takes=minutes(4),
)
def broken_backups(drill: Drill) -> None:
    """Backups are damaged in ten ways; each is noticed and named, and customers notice nothing."""
    host, primary = drill.site.group("backup")[0], drill.site["db_primary"]
    copy = {"backup_restore_host": host.name, "backup_restore_cluster": NAME, "backup_restore_port": PORT}
    drill.require(replication_streaming(standbys=2), accepts_bookings())
    with drill.during(bookings(per_second=5, timeout_s=5)):
        drill.steady(for_=seconds(3))
        drill.follow("backup")
        _caught(drill, ArchiverStopped(primary), "backup", "archiving is not set up on", {})
        _caught(drill, SegmentMissing(host), "backup_restore", "WAL is missing in the repository", copy)
        _caught(drill, BackupTruncated(host), "backup_restore", "the repository is damaged", {**copy, **READ_ALL})
        _caught(drill, PassphraseWrong(host), "backup_restore", "the passphrase is wrong", copy)
        _caught(drill, BackupsOfAnotherCluster(host), "backup_restore", "the backup is of the cluster", copy)
        _caught(
            drill,
            DiskTooSmall(host, SMALL),
            "backup_restore",
            "too little disk",
            {**copy, "backup_restore_cluster": "small"},
        )
        drill.expect_failure("backup_restore", saying="is not reached: the newest WAL", **copy, **TOO_LATE)
        # All is whole again. What comes next is damaged once more in the copy, which is then thrown away.
        drill.follow("backup_restore", backup_restore_overwrite=f"{host}:{NAME}", **copy, **READ_ALL, **COUNTED)
        drill.follow("backup_verify", **copy)
        drill.inject(RoleDropped(host, NAME, PORT, "balancer"))
        drill.expect_failure("backup_verify", saying="balancer is missing", **copy)
        drill.inject(ExtensionDropped(host, NAME, PORT, "bookings", "plpgsql"))
        drill.expect_failure("backup_verify", saying="plpgsql 1.0 is missing", **copy)
        drill.inject(PageFlipped(host, NAME, PORT, "bookings", "bookings.bookings"))
        drill.expect_failure("backup_verify", saying="invalid page in block 0", **copy)
        drill.inject(DatabaseEmptied(host, NAME, PORT, "bookings"))
        drill.expect_failure("backup_verify", saying="bookings.bookings: missed: 0 and not", **copy)
        drill.heal()


def _caught(drill: Drill, fault: Fault, runbook: str, saying: str, inputs: dict[str, object]) -> None:
    """What is damaged is named by the runbook, and then put right."""
    drill.inject(fault)
    drill.expect_failure(runbook, saying=saying, **inputs)
    drill.heal()
