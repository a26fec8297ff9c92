"""Who led the database: by the acknowledgements that customers got, and by looking at the hosts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from drills.measurement.watch import watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drills.journal import Entry, Journal, Sample

LOOK_SECONDS = 2.0
"""A look at a host speaks for it for so many seconds before and after."""

UNSEEN_SECONDS = 5.0
"""A host that nobody could look at for longer than this, in seconds, was not observed."""

DATABASE_GROUP = "database"


@dataclass(frozen=True)
class Lead:
    """A host that called itself primary while `receivers` received from it, in seconds since the anchor."""

    host: str
    timeline: int | None
    begin: float
    end: float
    receivers: frozenset[str]


@dataclass(frozen=True)
class Leadership:
    """The evidence for and against a second primary.

    `conflicts` prove one; `blind` says what was not observed; `alone` names hosts that still called themselves
    primary beside a leader of a later timeline, with nobody to receive from them. `sources` are the (server,
    timeline) pairs that acknowledged new writes; `looks` counts the looks at hosts.
    """

    conflicts: tuple[str, ...]
    blind: tuple[str, ...]
    alone: tuple[str, ...]
    sources: tuple[tuple[str, int], ...]
    looks: int


def leadership(journal: Journal) -> Leadership:
    """All that the journal tells about who was primary, and when."""
    acknowledgements = [sample for sample in journal.samples if _tells_its_source(sample)]
    nameless = sum(_is_new_write(sample) and not _tells_its_source(sample) for sample in journal.samples)
    looks, leads = journal.all("looked"), tuple(_leads(journal))
    blind = list(_unseen(journal))
    if nameless:
        blind.append(f"{nameless} acknowledgements do not tell which server committed them")
    return Leadership(
        conflicts=(*_crossed_acknowledgements(acknowledgements), *_crossed_leads(leads)),
        blind=tuple(blind),
        alone=tuple(_alone(looks, leads)),
        sources=tuple(sorted({_source(sample) for sample in acknowledgements}, key=lambda pair: pair[::-1])),
        looks=len(looks),
    )


def _is_new_write(sample: Sample) -> bool:
    """A repeat is answered with the words of the first answer, so it tells nothing about the present."""
    return sample.acknowledged and sample.purpose != "repeat" and sample.status != 200  # noqa: PLR2004  # HTTP


def _tells_its_source(sample: Sample) -> bool:
    return _is_new_write(sample) and sample.server is not None and sample.timeline is not None


def _source(sample: Sample) -> tuple[str, int]:
    return str(sample.server), int(sample.timeline or 0)


def _crossed_acknowledgements(samples: list[Sample]) -> Iterator[str]:
    """Writes sent after a later timeline had answered, and yet acknowledged by an earlier one."""
    answers = sorted(samples, key=lambda sample: sample.ended or 0.0)
    newest: tuple[str, int] | None = None
    known = 0
    for sample in sorted(samples, key=lambda sample: sample.moment):
        while known < len(answers) and (answers[known].ended or 0.0) < sample.moment:
            source = _source(answers[known])
            newest = source if newest is None or source[1] > newest[1] else newest
            known += 1
        server, timeline = _source(sample)
        if newest is not None and (timeline < newest[1] or (timeline == newest[1] and server != newest[0])):
            yield (
                f"write {sample.n}, sent at {sample.moment:.3f} s, was acknowledged by {server} on timeline "
                f"{timeline} after {newest[0]} had acknowledged on timeline {newest[1]}"
            )


def _leads(journal: Journal) -> Iterator[Lead]:
    """Each look that found a leader: a primary from which another host was receiving at that time."""
    looks = journal.all("looked")
    hosts = {str(look.get("host")) for look in looks}
    for look in looks:
        if look.get("state") != "primary":
            continue
        host = str(look.get("host"))
        nearest = (_nearest(looks, other, look.t) for other in sorted(hosts - {host}))
        receivers = [other for other in nearest if other is not None and other.get("receiving_from") == host]
        if receivers:
            times = [look.t, *(receiver.t for receiver in receivers)]
            names = frozenset(str(receiver.get("host")) for receiver in receivers)
            yield Lead(host, look.get("timeline"), min(times), max(times), names)


def _nearest(looks: tuple[Entry, ...], host: str, t: float) -> Entry | None:
    """What was current for this host at `t`: the nearest look, if it is near enough."""
    near = [look for look in looks if look.get("host") == host and abs(look.t - t) <= LOOK_SECONDS]
    return min(near, key=lambda look: abs(look.t - t), default=None)


def _crossed_leads(leads: tuple[Lead, ...]) -> Iterator[str]:
    """Two leaders at the same time, or an earlier timeline that led after a later one."""
    for one, other in combinations(sorted(leads, key=lambda lead: lead.begin), 2):
        if one.host == other.host:
            continue
        if other.begin <= one.end and one.receivers != {other.host} and other.receivers != {one.host}:
            # who received from a leader did not lead itself at that moment: a handover looks like that
            yield f"{one.host} and {other.host} both led at {other.begin:.2f} s"
        elif one.timeline is None or other.timeline is None:
            continue  # their order alone is a handover, and nothing contradicts it
        elif other.timeline <= one.timeline:
            yield (
                f"{other.host} led on timeline {other.timeline} at {other.begin:.2f} s, "
                f"after {one.host} had led on timeline {one.timeline}"
            )


def _alone(looks: tuple[Entry, ...], leads: tuple[Lead, ...]) -> Iterator[str]:
    """The hosts that still called themselves primary while a later timeline led."""
    claims: dict[str, float] = {}
    for look in looks:
        host, timeline = str(look.get("host")), look.get("timeline")
        if look.get("state") == "primary" and any(
            lead.host != host
            and lead.begin <= look.t <= lead.end + LOOK_SECONDS
            and (timeline is None or lead.timeline is None or timeline < lead.timeline)
            for lead in leads
        ):
            claims.setdefault(host, look.t)
    return (f"{host} called itself primary at {t:.2f} s with nobody receiving from it" for host, t in claims.items())


def _unseen(journal: Journal) -> Iterator[str]:
    """The database hosts that nobody could look at for too long while the watch lasted."""
    seen = watch(journal)
    if seen is None:
        return
    looks = journal.all("looked")
    hosts = {str(look.get("host")) for look in looks}
    hosts.update(journal.opened.get("site", {}).get(DATABASE_GROUP, []))
    for host in sorted(hosts):
        times = [look.t for look in looks if look.get("host") == host and look.get("state") != "unreachable"]
        within = [seen.started, *(t for t in times if seen.started < t < seen.unaided_end), seen.unaided_end]
        begin, end = max(pairwise(within), key=lambda span: span[1] - span[0])
        if end - begin > UNSEEN_SECONDS:
            yield f"{host} was not observed from {begin:.1f} s to {end:.1f} s"
