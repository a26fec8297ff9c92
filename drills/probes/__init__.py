"""Ways to look: read-only, with a timeout, and never an exception for a plain no."""

from drills.probes.backups import newest_backup_restorable
from drills.probes.bookings import accepts_bookings, refuses_bookings
from drills.probes.certificates import certificate_lasts
from drills.probes.clusters import cluster_absent
from drills.probes.reading import Probe, Reading, View
from drills.probes.releases import release_absent, serves_release
from drills.probes.replication import replication_streaming

__all__ = [
    "Probe",
    "Reading",
    "View",
    "accepts_bookings",
    "certificate_lasts",
    "cluster_absent",
    "newest_backup_restorable",
    "refuses_bookings",
    "release_absent",
    "replication_streaming",
    "serves_release",
]
