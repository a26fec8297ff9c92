"""Follows: playbooks/cert_renewal.yml."""

from drills.faults import CertificateEnding
from drills.judges import (
    certificate_renewed,
    no_acknowledged_write_lost,
    no_double_booking,
    no_failed_handshake,
    runbook_within,
    served_throughout,
)
from drills.probes import accepts_bookings, certificate_lasts
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings
from drills.workloads.handshakes import handshakes


@drill(
    judges=[
        no_failed_handshake,
        certificate_renewed,
        served_throughout(slowest=1),
        runbook_within(seconds=120),
        no_acknowledged_write_lost,
        no_double_booking,
    ],
    takes=minutes(2),
)
def cert_about_to_expire(drill: Drill) -> None:
    """A certificate has three minutes to live; it is renewed, and nobody notices."""
    balancer, authority = drill.site.group("load_balancer")[0], drill.site.group("acme_server")[0]
    drill.require(certificate_lasts(minutes(10)), accepts_bookings())
    with drill.during(handshakes(per_second=50), bookings(per_second=20, over_tls=True)):
        drill.steady(for_=seconds(3))
        drill.inject(CertificateEnding(balancer, authority, "bookings", left=180))
        drill.follow("cert_renewal")
        drill.wait_for(certificate_lasts(minutes(10)), within=seconds(30))
        drill.wait_for(accepts_bookings(), within=minutes(1))
