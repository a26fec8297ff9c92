"""Whether customers can book: by the running workload's own experience, else by the service's readiness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.measurement import STABLE_SECONDS
from drills.probes.reading import Probe, Reading
from drills.request import ask

if TYPE_CHECKING:
    from drills.probes.customers import Experience
    from drills.probes.reading import View

READY_SECONDS = 2.0
# A little longer than the judges call stable, or a heal right after it would spoil the figure.
GOOD_SECONDS = STABLE_SECONDS + 0.5
FRESH_SECONDS = 0.5
BAD_IN_A_ROW = 5
BAD_SECONDS = 0.1
SILENT_SECONDS = 0.25


def accepts_bookings(*, for_seconds: float = GOOD_SECONDS) -> Probe:
    """Every answer has been good for `for_seconds`; where no workload runs, the service says it is ready.

    Readiness is asked with `GET /readyz` through the load balancer: it books nothing.
    """

    def look(view: View) -> Reading:
        customers = view.customers()
        if customers is None:
            return _ready(str(view.site.variables.get("bookings_url", "")))
        return _accepted(customers.look(), for_seconds)

    return Probe("accepts_bookings", look)


def refuses_bookings() -> Probe:
    """The customers of the running workload get five bad answers in a row, and no good one for 0.25 s.

    A request that has waited for 0.25 s counts as bad. Where no workload runs, nobody was refused.
    """

    def look(view: View) -> Reading:
        customers = view.customers()
        if customers is None:
            return Reading(ok=False, because="no workload runs, so nobody was refused")
        return _refused(customers.look())

    return Probe("refuses_bookings", look)


def _accepted(seen: Experience, for_seconds: float) -> Reading:
    if seen.last_good is None or seen.now - seen.last_good > FRESH_SECONDS:
        ago = "ever" if seen.last_good is None else f"for {seen.now - seen.last_good:.2f} s"
        return Reading(ok=False, because=f"no good answer {ago}")
    good = seen.now - (seen.good_since or 0.0)
    return Reading(good >= for_seconds, f"every answer good for {good:.2f} s")


def _refused(seen: Experience) -> Reading:
    silent = seen.now - (seen.last_good or 0.0)
    bad_for = seen.now - seen.bad_since if seen.bad_since is not None else 0.0
    refused = seen.bad_in_a_row >= BAD_IN_A_ROW and bad_for >= BAD_SECONDS and silent >= SILENT_SECONDS
    return Reading(refused, f"{seen.bad_in_a_row} bad answers in a row, the last good one {silent:.2f} s ago")


def _ready(url: str) -> Reading:
    if not url:
        return Reading(ok=False, because="the inventory has no bookings_url")
    address = f"{url.rstrip('/')}/readyz"
    try:
        with ask(address, timeout=READY_SECONDS) as answer:
            return Reading(answer.status == 200, f"{address} answered {answer.status}")  # noqa: PLR2004
    except (OSError, ValueError) as error:  # HTTPError is an OSError
        return Reading(ok=False, because=f"{address}: {error}")
