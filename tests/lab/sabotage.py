"""The command `drillbook` with scenarios that must not pass: each is spoilt in one way, and the verdict must say so."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from drills.__main__ import main
from drills.cure import Cure
from drills.faults import CertificateEnding, DatabaseEmptied, HostPoweredOff, RowsDeleted, SigningKeyLeaked
from drills.faults.fault import FaultError
from drills.judges import (
    certificate_renewed,
    deleted_rows_back,
    every_damage_caught,
    forgeries_refused_within,
    no_acknowledged_write_lost,
    no_double_booking,
    no_failed_handshake,
    one_primary_at_a_time,
    recovered_within,
)
from drills.out_of_band import OutOfBandError
from drills.probes import (
    Reading,
    accepts_bookings,
    certificate_lasts,
    cluster_absent,
    refuses_bookings,
    replication_streaming,
)
from drills.scenario import Drill, drill, minutes, seconds
from drills.workloads.bookings import bookings
from drills.workloads.forgeries import forgeries
from drills.workloads.handshakes import handshakes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drills.site import Host

NEWEST_EVENT = "(SELECT event FROM bookings.bookings ORDER BY created_at DESC LIMIT 1)"
ROWS_SECONDS = 10.0

# The oldest bookings of the run: their customers were told long ago that they have a seat.
FORGET = f"""
DELETE FROM bookings.bookings WHERE id IN (
  SELECT id FROM bookings.bookings WHERE event = {NEWEST_EVENT} ORDER BY created_at LIMIT 3)
"""  # noqa: S608  # nothing here comes from outside
SELL_TWICE = f"""
DROP INDEX bookings.bookings_seat_sold_once;
INSERT INTO bookings.bookings (key, request, event, seat, customer, state, server, timeline)
  SELECT 'sabotage-' || key, request, event, seat, 'sabotage', 'confirmed', server, timeline
  FROM bookings.bookings WHERE event = {NEWEST_EVENT} ORDER BY created_at LIMIT 1
"""  # noqa: S608  # the same


class HarmlessEmptying(DatabaseEmptied):
    """A fault that does nothing to a restored copy."""

    HARM = "true"


class HarmlessPowerOff(HostPoweredOff):
    """A fault that does nothing, as one does that was mistyped or came to the wrong machine."""

    def inject(self) -> None:
        """Leave the power alone."""


class WrongKeyLeaked(SigningKeyLeaked):
    """What the thief gets is no key of ours."""

    def inject(self) -> None:
        """Give away one that was made for it, under the id of ours."""
        kid, _ = self._taken()
        made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.thief.learn(kid, made.decode())


@dataclass(frozen=True)
class BookingsTamperedWith:
    """The database does with committed bookings what no database should."""

    host: Host
    sql: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The table."""
        return (f"bookings on {self.host}",)

    def inject(self) -> None:
        """Do it as the database's superuser, at the console."""
        command = f"runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -d bookings -c {shlex.quote(self.sql)}"
        try:
            answer = self.host.out_of_band.run(command, timeout=ROWS_SECONDS)
        except OutOfBandError as error:
            raise FaultError(str(error)) from error
        if answer.exit_code != 0:
            raise FaultError(answer.err.strip())

    def confirm(self) -> Reading:
        """The database said that it was done."""
        return Reading(ok=True, because="psql ended with 0")

    def cure(self) -> Cure:
        """Bookings that are gone are gone; what sells a seat twice is put right."""
        return Cure("seats sold once", "tests/lab/cures/seats_sold_once.yml", self.host.name, f"fault Rows {self.host}")


@drill(judges=[recovered_within(seconds=60), no_acknowledged_write_lost, no_double_booking, one_primary_at_a_time])
def fault_without_harm(drill: Drill) -> None:
    """The fault does nothing."""
    primary = drill.site["db_primary"]
    drill.require(replication_streaming(standbys=2), accepts_bookings())
    with drill.during(bookings(per_second=50)):
        drill.steady(for_=seconds(1))
        drill.inject(HarmlessPowerOff(primary))
        drill.detect(refuses_bookings(), within=seconds(2))
        drill.follow("db_failover")


@drill(judges=[recovered_within(seconds=60), no_acknowledged_write_lost, no_double_booking, one_primary_at_a_time])
def fault_without_harm_or_detection(drill: Drill) -> None:
    """The fault does nothing, and nobody waits for its effect."""
    primary = drill.site["db_primary"]
    drill.require(replication_streaming(standbys=2), accepts_bookings())
    with drill.during(bookings(per_second=50)):
        drill.steady(for_=seconds(1))
        drill.inject(HarmlessPowerOff(primary))
        drill.follow("db_failover")


@drill(judges=[recovered_within(seconds=60), no_acknowledged_write_lost, no_double_booking, one_primary_at_a_time])
def runbook_without_effect(drill: Drill) -> None:
    """The runbook succeeds and repairs nothing."""
    primary = drill.site["db_primary"]
    drill.require(replication_streaming(standbys=2), accepts_bookings())
    with drill.during(bookings(per_second=50)):
        drill.steady(for_=seconds(1))
        drill.inject(HostPoweredOff(primary))
        drill.detect(refuses_bookings(), within=seconds(10))
        drill.follow("promote_nothing")
        drill.wait_for(accepts_bookings(), within=seconds(5))


@drill(judges=[recovered_within(seconds=60), no_failed_handshake, no_acknowledged_write_lost, no_double_booking])
def certificate_not_renewed(drill: Drill) -> None:
    """A certificate has expired, and the runbook succeeds and renews nothing."""
    balancer, authority = drill.site.group("load_balancer")[0], drill.site.group("acme_server")[0]
    drill.require(accepts_bookings())
    with drill.during(handshakes(per_second=20), bookings(per_second=20, over_tls=True)):
        drill.steady(for_=seconds(1))
        drill.inject(CertificateEnding(balancer, authority, "bookings", left=-60))
        drill.detect(refuses_bookings(), within=seconds(10))
        drill.follow("promote_nothing")
        drill.wait_for(accepts_bookings(), within=seconds(5))


@drill(judges=[no_failed_handshake, no_acknowledged_write_lost, no_double_booking])
def certificate_still_ending(drill: Drill) -> None:
    """A certificate has three minutes to live, the runbook succeeds and renews nothing, and no customer suffers yet."""
    balancer, authority = drill.site.group("load_balancer")[0], drill.site.group("acme_server")[0]
    drill.require(certificate_lasts(minutes(10)), accepts_bookings())
    with drill.during(handshakes(per_second=20), bookings(per_second=20, over_tls=True)):
        drill.steady(for_=seconds(3))
        drill.inject(CertificateEnding(balancer, authority, "bookings", left=180))
        drill.follow("promote_nothing")
        drill.wait_for(accepts_bookings(), within=seconds(10))
        drill.wait_for(certificate_lasts(minutes(10)), within=seconds(2))


@drill(judges=[certificate_renewed, no_acknowledged_write_lost, no_double_booking])
def renewal_of_nothing(drill: Drill) -> None:
    """A renewal ends well, since no certificate is due: the drill acme_server_down without force and fault."""
    drill.require(certificate_lasts(minutes(10)), accepts_bookings())
    with drill.during(handshakes(per_second=20), bookings(per_second=20, over_tls=True)):
        drill.steady(for_=seconds(3))
        drill.follow("cert_renewal")


@drill(judges=[no_acknowledged_write_lost, no_double_booking])
def bookings_forgotten(drill: Drill) -> None:
    """The database loses bookings that it had acknowledged."""
    primary = drill.site["db_primary"]
    drill.require(replication_streaming(standbys=2), accepts_bookings())
    with drill.during(bookings(per_second=50)):
        drill.steady(for_=seconds(2))
        drill.inject(BookingsTamperedWith(primary, FORGET))
        drill.wait_for(accepts_bookings(), within=seconds(10))


@drill(judges=[no_acknowledged_write_lost, no_double_booking])
def seat_sold_twice(drill: Drill) -> None:
    """The database sells a seat a second time."""
    primary = drill.site["db_primary"]
    drill.require(replication_streaming(standbys=2), accepts_bookings())
    with drill.during(bookings(per_second=50)):
        drill.steady(for_=seconds(2))
        drill.inject(BookingsTamperedWith(primary, SELL_TWICE))
        drill.wait_for(accepts_bookings(), within=seconds(10))


@drill(judges=[no_acknowledged_write_lost, no_double_booking])
def nothing_to_read_back(drill: Drill) -> None:
    """The service is gone when the bookings are to be read back."""
    drill.require(replication_streaming(standbys=2), accepts_bookings())
    with drill.during(bookings(per_second=50)):
        drill.steady(for_=seconds(2))
        drill.inject(HostPoweredOff(drill.site["lb1"]))
        drill.detect(refuses_bookings(), within=seconds(10))


@drill(judges=[no_acknowledged_write_lost, no_double_booking])
def deletion_not_undone(drill: Drill) -> None:
    """Bookings are deleted, and nobody brings them back."""
    primary = drill.site["db_primary"]
    drill.require(replication_streaming(standbys=2), accepts_bookings())
    with drill.during(bookings(per_second=20, signed_in=True)):
        drill.steady(for_=seconds(6))
        drill.inject(RowsDeleted(primary, event=drill.site.event, older_than=3))
        drill.wait_for(accepts_bookings(for_seconds=2), within=seconds(20))


@drill(judges=[no_acknowledged_write_lost, no_double_booking])
def deletion_half_undone(drill: Drill) -> None:
    """Payments are brought back, and the bookings are left out."""
    with _undone(drill, "bookings.payments"):
        pass


@drill(judges=[deleted_rows_back, no_double_booking])
def payments_left_out(drill: Drill) -> None:
    """Bookings are brought back, and their payments are left out."""
    with _undone(drill, "bookings.bookings") as deletion:
        drill.wait_for(deletion.undone(), within=seconds(2))


@contextmanager
def _undone(drill: Drill, table: str) -> Iterator[RowsDeleted]:
    """Rows of two tables are deleted, and those of one are brought back; customers stay while the block lasts."""
    primary, beside = drill.site["db_primary"], drill.site.group("backup")[0]
    deletion = RowsDeleted(primary, event=drill.site.event)
    at = {"backup_restore_host": beside.name}
    drill.require(replication_streaming(standbys=2), accepts_bookings(), cluster_absent(beside))
    with drill.during(bookings(per_second=20, signed_in=True)):
        drill.steady(for_=seconds(1))
        drill.follow("backup")
        drill.inject(deletion)
        just_before = {"backup_restore_type": "xid", "backup_restore_exclusive": True}
        drill.follow("backup_restore", **at, **just_before, backup_restore_target=deletion.transaction)
        drill.follow("rows_restore", **at, rows_restore_database="bookings", rows_restore_tables=[table])
        yield deletion


@drill(judges=[recovered_within(seconds=60)])
def runbook_that_cannot_be_read(drill: Drill) -> None:
    """The runbook has a mistake in its syntax."""
    drill.require(replication_streaming(standbys=2))
    with drill.during(bookings(per_second=50)):
        drill.inject(HostPoweredOff(drill.site["db_primary"]))
        drill.follow("promote_unreadable")


@drill(judges=[every_damage_caught])
def copy_emptied(drill: Drill) -> None:
    """A restored copy has no rows: the end of the drill broken_backups."""
    _verify_emptied(drill, DatabaseEmptied)


@drill(judges=[every_damage_caught])
def copy_left_alone(drill: Drill) -> None:
    """The same, but its rows are left alone."""
    _verify_emptied(drill, HarmlessEmptying)


def _verify_emptied(drill: Drill, emptied: type[DatabaseEmptied]) -> None:
    backup = drill.site.group("backup")[0]
    copy = {"backup_restore_host": backup.name, "backup_restore_cluster": "drilled", "backup_restore_port": 5434}
    drill.require(accepts_bookings())
    with drill.during(bookings(per_second=5, timeout_s=5)):
        drill.steady(for_=seconds(3))
        drill.follow("backup")
        drill.follow("backup_restore", backup_restore_type="manifest", **copy)
        drill.inject(emptied(backup, "drilled", 5434, "bookings"))
        drill.expect_failure("backup_verify", saying="bookings.bookings: missed: 0 and not", **copy)


@drill(judges=[forgeries_refused_within(seconds=60)])
def wrong_key_leaked(drill: Drill) -> None:
    """A forger whose key is not ours is refused all the time."""
    _leak(drill, WrongKeyLeaked)


@drill(judges=[forgeries_refused_within(seconds=2)])
def key_that_nobody_revokes(drill: Drill) -> None:
    """The key has leaked, and nobody does anything."""
    _leak(drill, SigningKeyLeaked)


def _leak(drill: Drill, fault: type[SigningKeyLeaked]) -> None:
    forger = forgeries(per_second=10)
    drill.require(accepts_bookings())
    with drill.during(bookings(per_second=20, signed_in=True), forger):
        drill.steady(for_=seconds(1))
        drill.inject(fault(drill.site.group("application")[0], thief=forger))
        drill.wait_for(accepts_bookings(for_seconds=5), within=seconds(20))


if __name__ == "__main__":
    main()
