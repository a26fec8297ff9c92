"""Follows: playbooks/cert_renewal.yml."""

from drills.faults import HostPoweredOff
from drills.judges import (
    certificate_kept,
    certificate_renewed,
    no_acknowledged_write_lost,
    no_double_booking,
    no_failed_handshake,
    served_throughout,
)
from drills.probes import accepts_bookings, certificate_lasts
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings
from drills.workloads.handshakes import handshakes


@drill(
    judges=[
        no_failed_handshake,
        certificate_kept,
        certificate_renewed,
        served_throughout(slowest=1),
        no_acknowledged_write_lost,
        no_double_booking,
    ],
    takes=minutes(3),
)
def acme_server_down(drill: Drill) -> None:
    """Nobody issues certificates; the present one goes on being served, and is renewed when somebody does again."""
    authority = drill.site.group("acme_server")[0]
    drill.require(certificate_lasts(minutes(10)), accepts_bookings())
    with drill.during(handshakes(per_second=20), bookings(per_second=20, over_tls=True)):
        drill.steady(for_=seconds(3))
        drill.inject(HostPoweredOff(authority))
        drill.expect_failure("cert_renewal", saying="was not renewed", cert_renewal_force=True)
        drill.wait_for(accepts_bookings(), within=minutes(1))
        drill.heal()
        drill.follow("cert_renewal", cert_renewal_force=True)
        drill.wait_for(certificate_lasts(minutes(10)), within=seconds(30))
