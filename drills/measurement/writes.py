"""The accounts of the writes: what was promised to customers, against what can be read back.

Only an acknowledged write can be lost. One whose answer never came is indeterminate: it may be there or not.
A figure that needs a read-back that did not happen is None, never zero.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drills.measurement.story import read_after_heal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drills.journal import Entry, Journal, Sample

Place = tuple[int, str | None]
"""A seat and the booking that holds it."""


@dataclass(frozen=True)
class ReadBack:
    """Everything that the service holds, read to the end: for each key its seats and bookings."""

    places: Mapping[str, frozenset[Place]]

    def double_seats(self) -> tuple[int, ...]:
        """The seats that more than one booking holds."""
        return _doubled((seat, booking) for places in self.places.values() for seat, booking in places)

    def double_keys(self) -> tuple[str, ...]:
        """The keys that led to more than one booking, though each was sent as one request."""
        return tuple(sorted(key for key, places in self.places.items() if len(places) > 1))


@dataclass(frozen=True)
class Writes:
    """How the writes fared, by key: a repeated request is one write.

    `recovered` were indeterminate and turned up; `late` were missing from the first read-back only;
    `unexpected` were refused as surely not written, and are there. `lost_window` holds the first and last
    acknowledgement of a lost write, in seconds since the anchor. `lost` is None, and not 0, where none is missing but
    all was read only after the drill had healed: nobody knows what had been missing before.
    """

    attempted: int
    acknowledged: int
    lost: int | None
    indeterminate: int
    recovered: int | None
    duplicated: int | None
    refused: int
    late: int | None
    unexpected: int | None
    lost_window: tuple[float, float] | None


@dataclass(frozen=True)
class RecoveryPoint:
    """How far back the loss of acknowledged writes reaches.

    `seconds` lie between the oldest acknowledgement of a write that is lost and the fault; 0 where none is lost.
    `open_ended` says that no older write survived, so that the loss may reach further back than was seen.
    `lost_afterwards` are the lost ones that were asked for, or asked for again, after the fault was confirmed, and were
    acknowledged then: no fault took them.
    """

    lost: int
    acknowledged: int
    seconds: float
    open_ended: bool
    lost_afterwards: int


def read_backs(journal: Journal) -> tuple[ReadBack | None, ReadBack | None]:
    """The complete read-backs of the first and of the second round; None for one that proves nothing.

    A read-back that came before the last acknowledgement could not hold that write, so it proves nothing.
    """
    return _newest(journal, rounds={1}), _newest(journal, rounds={2})


def newest_read_back(journal: Journal) -> ReadBack | None:
    """The last complete read-back of either round."""
    return _newest(journal, rounds={1, 2})


def promises(journal: Journal) -> dict[str, frozenset[Place]]:
    """For each acknowledged key, the seats and bookings that customers were told."""
    told: dict[str, set[Place]] = defaultdict(set)
    for sample in journal.samples:
        if sample.acknowledged and sample.key is not None and sample.seat is not None:
            told[sample.key].add((sample.seat, sample.booking))
    return {key: frozenset(places) for key, places in told.items()}


def missing(told: Mapping[str, frozenset[Place]], found: ReadBack) -> frozenset[str]:
    """The acknowledged keys that are absent, or hold another seat or booking than was acknowledged."""
    return frozenset(
        key
        for key, places in told.items()
        if not all(_holds(found.places.get(key, frozenset()), place) for place in places)
    )


def account(journal: Journal) -> Writes:
    """Add up the writes of a run."""
    told, (first, last) = promises(journal), read_backs(journal)
    asked = _outcomes(journal)
    open_keys = {key for key, outcomes in asked.items() if key not in told and "indeterminate" in outcomes}
    refused = asked.keys() - told.keys() - open_keys
    newest = newest_read_back(journal)
    there = None if newest is None else newest.places.keys()
    lost = missing(told, last) if first is not None and last is not None else None
    is_known = lost is not None and (bool(lost) or not read_after_heal(journal))
    return Writes(
        attempted=len(asked),
        acknowledged=len(told),
        lost=len(lost or ()) if is_known else None,
        indeterminate=len(open_keys),
        recovered=None if there is None else len(open_keys & there),
        duplicated=None if newest is None else len(newest.double_seats()) + len(newest.double_keys()),
        refused=len(refused),
        late=None if first is None or lost is None else len(missing(told, first) - lost),
        unexpected=None if there is None else len(refused & there),
        lost_window=_window(journal, lost or frozenset()),
    )


def recovery_point(journal: Journal) -> RecoveryPoint | None:
    """The recovery point of a run; None without a fault or without two complete read-backs."""
    fault, (first, last) = journal.first("fault_started"), read_backs(journal)
    if fault is None or first is None or last is None:
        return None
    # A key that was forgotten is booked again when it is repeated: the first booking is lost, the second one is not.
    gone, kept = _parted(journal, last)
    oldest = min((sample.ended or 0.0 for sample in gone), default=fault.t)
    confirmed = journal.first("fault_confirmed") or fault
    return RecoveryPoint(
        lost=len({sample.key for sample in gone}),
        acknowledged=len(promises(journal)),
        seconds=max(fault.t - oldest, 0.0),
        open_ended=bool(gone) and min((sample.ended or 0.0 for sample in kept), default=oldest) >= oldest,
        lost_afterwards=len({sample.key for sample in gone if sample.moment > confirmed.t}),
    )


def double_promises(journal: Journal) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The seats acknowledged for more than one booking or key, and the keys acknowledged as two bookings."""
    told = promises(journal)
    by_key = _doubled((seat, key) for key, places in told.items() for seat, _ in places)
    by_booking = _doubled(place for places in told.values() for place in places if place[1] is not None)
    keys = tuple(
        sorted(key for key, places in told.items() if len([place for place in places if place[1] is not None]) > 1)
    )
    return tuple(sorted({*by_key, *by_booking})), keys


def rivalries(journal: Journal) -> int:
    """How many seats two customers asked for at once and both had a definite answer."""
    answered: dict[int, set[str]] = defaultdict(set)
    contested = {sample.seat for sample in journal.samples if sample.purpose == "rival"}
    for sample in journal.samples:
        if sample.seat is None or sample.key is None or sample.seat not in contested:
            continue
        if sample.outcome in {"acknowledged", "refused"}:
            answered[sample.seat].add(sample.key)
    return sum(len(keys) > 1 for keys in answered.values())


def _newest(journal: Journal, rounds: set[int]) -> ReadBack | None:
    acknowledged = [sample.ended or 0.0 for sample in journal.samples if sample.acknowledged]
    entries = [
        entry
        for entry in journal.all("read_back")
        if entry.get("complete") is True and entry.get("round") in rounds and entry.t >= max(acknowledged, default=0.0)
    ]
    return _read_back(entries[-1]) if entries else None


def _read_back(entry: Entry) -> ReadBack:
    places: dict[str, set[Place]] = defaultdict(set)
    for key, seat, booking in entry.data["rows"]:
        places[key].add((seat, booking))
    return ReadBack({key: frozenset(found) for key, found in places.items()})


def _parted(journal: Journal, found: ReadBack) -> tuple[list[Sample], list[Sample]]:
    """The acknowledgements whose very booking is gone, and those whose booking is there."""
    gone: list[Sample] = []
    kept: list[Sample] = []
    for sample in journal.samples:
        if sample.acknowledged and sample.key is not None and sample.seat is not None:
            there = _holds(found.places.get(sample.key, frozenset()), (sample.seat, sample.booking))
            (kept if there else gone).append(sample)
    return gone, kept


def _holds(found: frozenset[Place], place: Place) -> bool:
    """Whether the place is there; an acknowledgement that named no booking can be held to its seat alone."""
    seat, booking = place
    return place in found or (booking is None and any(seat == other for other, _ in found))


def _outcomes(journal: Journal) -> dict[str, set[str]]:
    asked: dict[str, set[str]] = defaultdict(set)
    for sample in journal.samples:
        if sample.key is not None:
            asked[sample.key].add(sample.outcome)
    return asked


def _window(journal: Journal, keys: frozenset[str]) -> tuple[float, float] | None:
    times = [
        sample.ended
        for sample in journal.samples
        if sample.acknowledged and sample.key in keys and sample.ended is not None
    ]
    return (min(times), max(times)) if times else None


def _doubled(pairs: Iterable[tuple[int, str | None]]) -> tuple[int, ...]:
    holders: dict[int, set[str | None]] = defaultdict(set)
    for seat, holder in pairs:
        holders[seat].add(holder)
    return tuple(sorted(seat for seat, held in holders.items() if len(held) > 1))
