"""Figures out of a journal: what the customers saw, and when. Pure; no host, clock or network is touched."""

from drills.measurement.answers import Answers, Latency, latency, releases
from drills.measurement.checks import Check, checks
from drills.measurement.damages import Damage, damages, words
from drills.measurement.figures import Measurement, measure
from drills.measurement.forgeries import Forgeries, forgeries
from drills.measurement.handshakes import Certificate, Handshakes, handshakes
from drills.measurement.leadership import Leadership, leadership
from drills.measurement.runbooks import FollowedRunbook, followed_runbooks, running_at, says
from drills.measurement.story import ended_early, read_after_heal, story_end
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
from drills.measurement.writes import (
    ReadBack,
    RecoveryPoint,
    Writes,
    account,
    newest_read_back,
    read_backs,
    recovery_point,
)

__all__ = [
    "STABLE_SECONDS",
    "Answers",
    "Certificate",
    "Check",
    "Damage",
    "Failure",
    "FollowedRunbook",
    "Forgeries",
    "Handshakes",
    "Latency",
    "Leadership",
    "Measurement",
    "ReadBack",
    "Recovery",
    "RecoveryPoint",
    "Watch",
    "Writes",
    "account",
    "checks",
    "clock_start",
    "damages",
    "ended_early",
    "first_touch",
    "followed_runbooks",
    "forgeries",
    "handshakes",
    "latency",
    "leadership",
    "measure",
    "newest_read_back",
    "read_after_heal",
    "read_backs",
    "recovery_point",
    "releases",
    "running_at",
    "says",
    "story_end",
    "unseen",
    "watch",
    "words",
]
