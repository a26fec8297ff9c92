"""Follows: playbooks/cert_renewal.yml."""

from drills.faults import CertificateEnding
from drills.judges import certificate_renewed, no_acknowledged_write_lost, no_double_booking, recovered_within
from drills.probes import accepts_bookings, certificate_lasts, refuses_bookings
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings
from drills.workloads.handshakes import handshakes


@drill(
    judges=[recovered_within(seconds=60), certificate_renewed, no_acknowledged_write_lost, no_double_booking],
    takes=minutes(2),
)
def cert_expired(drill: Drill) -> None:
    """A certificate has expired, and customers turn away; they come back when there is a new one."""
    balancer, authority = drill.site.group("load_balancer")[0], drill.site.group("acme_server")[0]
    drill.require(certificate_lasts(minutes(10)), accepts_bookings())
    with drill.during(handshakes(per_second=20), bookings(per_second=20, over_tls=True)):
        drill.steady(for_=seconds(3))
        drill.inject(CertificateEnding(balancer, authority, "bookings", left=-60))
        drill.detect(refuses_bookings(), within=seconds(30))
        drill.follow("cert_renewal")
        drill.wait_for(accepts_bookings(), within=minutes(2))
        drill.wait_for(certificate_lasts(minutes(10)), within=seconds(30))
