"""Ways to hurt: each proves that it hurt, and describes its cure as data before it does."""

from drills.faults.data import DatabaseLost
from drills.faults.death import RequestOfDeath
from drills.faults.fault import Fault
from drills.faults.network import HostIsolated
from drills.faults.power import HostPoweredOff
from drills.faults.service import ServiceFrozen, ServiceKilled
from drills.faults.store import ReleaseTampered

__all__ = [
    "DatabaseLost",
    "Fault",
    "HostIsolated",
    "HostPoweredOff",
    "ReleaseTampered",
    "RequestOfDeath",
    "ServiceFrozen",
    "ServiceKilled",
]
