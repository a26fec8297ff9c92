"""Figures out of a journal: what the customers saw, and when. Pure; no host, clock or network is touched."""

from drills.measurement.answers import Answers, Latency, latency, releases
from drills.measurement.figures import Measurement, measure
from drills.measurement.leadership import Leadership, leadership
from drills.measurement.runbooks import FollowedRunbook, followed_runbooks, says
from drills.measurement.watch import (
    STABLE_SECONDS,
    Failure,
    Recovery,
    Watch,
    clock_start,
    first_touch,
    unseen,
    watch,
)
from drills.measurement.writes import ReadBack, Writes, account, newest_read_back, read_backs

__all__ = [
    "STABLE_SECONDS",
    "Answers",
    "Failure",
    "FollowedRunbook",
    "Latency",
    "Leadership",
    "Measurement",
    "ReadBack",
    "Recovery",
    "Watch",
    "Writes",
    "account",
    "clock_start",
    "first_touch",
    "followed_runbooks",
    "latency",
    "leadership",
    "measure",
    "newest_read_back",
    "read_backs",
    "releases",
    "says",
    "unseen",
    "watch",
]
