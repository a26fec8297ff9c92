"""Figures out of a journal: what the customers saw, and when. Pure; no host, clock or network is touched."""

from drills.measurement.figures import Answers, Measurement, measure
from drills.measurement.leadership import Leadership, leadership
from drills.measurement.watch import STABLE_SECONDS, Failure, Recovery, Watch, clock_start, watch
from drills.measurement.writes import ReadBack, Writes, account, newest_read_back, read_backs

__all__ = [
    "STABLE_SECONDS",
    "Answers",
    "Failure",
    "Leadership",
    "Measurement",
    "ReadBack",
    "Recovery",
    "Watch",
    "Writes",
    "account",
    "clock_start",
    "leadership",
    "measure",
    "newest_read_back",
    "read_backs",
    "watch",
]
