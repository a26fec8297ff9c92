"""Follows: playbooks/key_rotation.yml."""

from drills.faults import SigningKeyLeaked
from drills.judges import forgeries_refused_within, harm_within, no_acknowledged_write_lost, no_double_booking
from drills.probes import accepts_bookings
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings
from drills.workloads.forgeries import forgeries


# Nothing in the service shows that a key has leaked; somebody says so, here at once. Whoever is signed in at the
# revocation has to sign in again, as the runbook says: it is promised how long that hurts, and not that it does not.
@drill(
    judges=[
        forgeries_refused_within(seconds=60),
        harm_within(seconds=20),
        no_acknowledged_write_lost,
        no_double_booking,
    ],
    takes=minutes(2),
)
def signing_key_leaked(drill: Drill) -> None:
    """Somebody forges tokens with our signing key; the key is revoked, and customers sign in again."""
    forger = forgeries(per_second=10)
    drill.require(accepts_bookings())
    with drill.during(bookings(per_second=20, signed_in=True), forger):
        drill.steady(for_=seconds(3))
        drill.inject(SigningKeyLeaked(drill.site.group("application")[0], thief=forger))
        drill.follow("key_rotation", key_rotation_kind="signing_key", key_rotation_leaked=True)
        drill.wait_for(accepts_bookings(for_seconds=5), within=minutes(1))
