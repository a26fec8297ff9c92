"""Ways to hurt: each proves that it hurt, and describes its cure as data before it does."""

from drills.faults.archiver import ArchiverStopped
from drills.faults.certificate import CertificateEnding
from drills.faults.data import DatabaseLost
from drills.faults.death import RequestOfDeath
from drills.faults.disk import DiskTooSmall
from drills.faults.fault import Fault
from drills.faults.network import HostIsolated
from drills.faults.power import HostPoweredOff
from drills.faults.repository import BackupsOfAnotherCluster, BackupTruncated, PassphraseWrong, SegmentMissing
from drills.faults.restored import DatabaseEmptied, ExtensionDropped, PageFlipped, RoleDropped
from drills.faults.rows import RowsDeleted
from drills.faults.service import ServiceFrozen, ServiceKilled
from drills.faults.signing_key import SigningKeyLeaked
from drills.faults.store import ReleaseTampered

__all__ = [
    "ArchiverStopped",
    "BackupTruncated",
    "BackupsOfAnotherCluster",
    "CertificateEnding",
    "DatabaseEmptied",
    "DatabaseLost",
    "DiskTooSmall",
    "ExtensionDropped",
    "Fault",
    "HostIsolated",
    "HostPoweredOff",
    "PageFlipped",
    "PassphraseWrong",
    "ReleaseTampered",
    "RequestOfDeath",
    "RoleDropped",
    "RowsDeleted",
    "SegmentMissing",
    "ServiceFrozen",
    "ServiceKilled",
    "SigningKeyLeaked",
]
