"""Ways to look: read-only, with a timeout, and never an exception for a plain no."""

from drills.probes.bookings import accepts_bookings, refuses_bookings
from drills.probes.reading import Probe, Reading, View
from drills.probes.replication import replication_streaming

__all__ = ["Probe", "Reading", "View", "accepts_bookings", "refuses_bookings", "replication_streaming"]
