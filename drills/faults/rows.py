"""Somebody deletes rows that were not theirs to delete."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drills.connection import UnreachableError
from drills.faults.fault import FaultError, cure_of
from drills.probes.reading import Probe, Reading

if TYPE_CHECKING:
    from drills.cure import Cure
    from drills.site import Host

DATABASE_GROUP = "database"
DATABASE = "bookings"
_SECONDS = 30.0
_EVENT = re.compile(r"[\w.:-]+")

# One transaction: what is deleted is kept aside, and nothing else is, whatever happens in between.
_KEEP = """
CREATE SCHEMA drill;
CREATE TABLE drill.bookings AS SELECT * FROM bookings.bookings
    WHERE event = '{event}' AND created_at < clock_timestamp() - interval '{age} seconds' FOR UPDATE;
CREATE TABLE drill.payments AS SELECT * FROM bookings.payments WHERE booking IN (SELECT id FROM drill.bookings);
"""
_DELETE = """
WITH payments AS (DELETE FROM bookings.payments WHERE id IN (SELECT id FROM drill.payments) RETURNING 1),
    bookings AS (DELETE FROM bookings.bookings WHERE id IN (SELECT id FROM drill.bookings) RETURNING 1)
SELECT pg_current_xact_id()::xid, now(), (SELECT count(*) FROM bookings), (SELECT count(*) FROM payments)
"""
_LEFT = """
SELECT (SELECT count(*) FROM drill.bookings),
    (SELECT count(*) FROM bookings.bookings WHERE id IN (SELECT id FROM drill.bookings)),
    (SELECT count(*) FROM drill.payments),
    (SELECT count(*) FROM bookings.payments WHERE id IN (SELECT id FROM drill.payments))
"""
# A row that came back with another value is not back.
_BACK = """
SELECT (SELECT count(*) FROM drill.bookings),
    (SELECT count(*) FROM (SELECT * FROM drill.bookings INTERSECT SELECT * FROM bookings.bookings
        WHERE id IN (SELECT id FROM drill.bookings)) AS back),
    (SELECT count(*) FROM drill.payments),
    (SELECT count(*) FROM (SELECT * FROM drill.payments INTERSECT SELECT * FROM bookings.payments
        WHERE id IN (SELECT id FROM drill.payments)) AS back)
"""


@dataclass
class RowsDeleted:
    """A careless DELETE takes the older bookings of an event, and their payments, from the live primary.

    It has bitten only if it took some of both: customers must have paid before.

    `host` is the primary, and `older_than` how many seconds old a booking must be: what a customer repeats at once is
    left alone. The workload asks for each seat once, so it takes none of those that are free now. Once the rows are
    deleted, `transaction` is the id of the DELETE, and `before` a moment just before it.
    """

    host: Host
    event: str
    older_than: float = 5.0
    transaction: str = field(default="<the transaction of the DELETE>", init=False)
    before: str = field(default="<the moment before the DELETE>", init=False)
    _deleted: str = field(default="nothing was deleted", init=False, repr=False)

    @property
    def targets(self) -> tuple[str, ...]:
        """The rows."""
        return (f"bookings of {self.event} that are older than {self.older_than:g} s, and payments, on {self.host}",)

    def inject(self) -> None:
        """Keep the rows aside and delete them, in one transaction."""
        if not _EVENT.fullmatch(self.event):
            raise FaultError(f"{self.event} is no name of an event")
        keep = _KEEP.format(event=self.event, age=float(self.older_than))
        transaction, before, bookings, payments = self._ask(keep, _DELETE)
        if bookings == "0":
            raise FaultError(f"{self.event} has no booking that is older than {self.older_than:g} s")
        self.transaction, self.before = transaction, before
        self._deleted = f"{bookings} bookings and {payments} payments were deleted by transaction {transaction}"

    def confirm(self) -> Reading:
        """Bookings and payments were deleted, and none of them is there."""
        try:
            bookings, booked, payments, paid = (int(number) for number in self._ask(_LEFT))
        except FaultError as error:
            return Reading(ok=False, because=str(error))
        told = f"{self._deleted}; {booked} of {bookings} bookings and {paid} of {payments} payments are still there"
        return Reading(bookings > 0 and payments > 0 and booked == paid == 0, told)

    def undone(self) -> Probe:
        """Every row that was deleted is there again, with each of its values."""
        return Probe("deleted_rows_back", lambda _: self._look_back())

    def cure(self) -> Cure:
        """Put back what is missing, on whoever leads then."""
        return cure_of(self, "rows_put_back", limit=DATABASE_GROUP)

    def _look_back(self) -> Reading:
        try:
            bookings, booked, payments, paid = (int(number) for number in self._ask(_BACK))
        except FaultError as error:
            return Reading(ok=False, because=str(error))
        told = f"{booked} of {bookings} deleted bookings and {paid} of {payments} deleted payments are as they were"
        return Reading(bookings > 0 and payments > 0 and (booked, paid) == (bookings, payments), told)

    def _ask(self, *statements: str) -> list[str]:
        """What the last of these statements returns, done together in one transaction as the database's superuser."""
        said = " ".join(f"-c {shlex.quote(' '.join(one.split()))}" for one in statements)
        command = f"sudo -n -u postgres psql -XAtq -F '|' -v ON_ERROR_STOP=1 --single-transaction -d {DATABASE} {said}"
        try:
            answer = self.host.ssh.run(command, timeout=_SECONDS)
        except UnreachableError as error:
            raise FaultError(str(error)) from error
        if answer.exit_code != 0:
            hint = "; drillbook heal puts back what an earlier drill deleted" if 'schema "drill"' in answer.err else ""
            raise FaultError(f"psql on {self.host}: {' '.join(answer.err.split())}{hint}")
        return answer.out.strip().split("|")
