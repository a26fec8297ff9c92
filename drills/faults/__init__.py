"""Ways to hurt: each proves that it hurt, and describes its cure as data before it does."""

from drills.faults.fault import Fault
from drills.faults.network import HostIsolated
from drills.faults.power import HostPoweredOff
from drills.faults.service import ServiceFrozen, ServiceKilled

__all__ = ["Fault", "HostIsolated", "HostPoweredOff", "ServiceFrozen", "ServiceKilled"]
