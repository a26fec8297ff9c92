"""The promises that a certificate stays in use while no other can be had, and that a renewal gives another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome
from drills.measurement import Certificate, FollowedRunbook, first_touch, followed_runbooks, handshakes, story_end

if TYPE_CHECKING:
    from drills.handshakes import Handshake
    from drills.journal import Entry, Journal

NAME = "certificate_kept"
RENEWED = "certificate_renewed"
RENEWAL = "cert_renewal"
TOUCHES = frozenset({"fault_started", "runbook_started", "heal_started", "cure_applied"})


def _decide(journal: Journal, objective: float | None) -> Judgement:
    clock = first_touch(journal)
    seen = handshakes(journal, clock)
    if clock is None or seen is None or not seen.certificates:
        return Judgement(NAME, Outcome.UNKNOWN, "nobody saw a certificate", objective, None, "certificates")
    heal = journal.first("heal_started")
    until = seen.ended if heal is None else min(heal.t, seen.ended)
    before = [one for one in seen.certificates if one.first < until]
    outcome, because = _found(journal, before, until - clock.t)
    return Judgement(NAME, outcome, because, objective, float(len(before)), "certificates")


def _found(journal: Journal, before: list[Certificate], watched_s: float) -> tuple[Outcome, str]:
    serials = ", ".join(one.serial for one in before) or "no certificate"
    told = f"{serials} in the {watched_s:.2f} s before the drill began to heal, or the watch ended"
    if len(before) > 1:
        return Outcome.MISSED, f"customers saw another certificate: {told}"
    failed = [one.ended.t for one in followed_runbooks(journal) if one.must_fail is not None and one.ended is not None]
    if not failed:
        return Outcome.UNKNOWN, f"no runbook had to fail meanwhile; customers saw {told}"
    # A certificate that nobody was shown afterwards may have been replaced by what the runbook did last.
    if not before or before[0].last < max(failed):
        return Outcome.UNKNOWN, f"nobody saw one after the runbook had failed; customers saw {told}"
    return Outcome.MET, f"customers saw {told}, and no other"


def _decide_renewed(journal: Journal, objective: float | None) -> Judgement:
    followed = [one for one in followed_runbooks(journal) if one.name == RENEWAL and one.must_fail is None]
    found = [_renewed(journal, one, one.ended) for one in followed if one.ended is not None and one.exit_code == 0]
    outcome, because = _worst(found) if found else (Outcome.UNKNOWN, f"no {RENEWAL} ended well")
    measured = float(sum(one is Outcome.MET for one, _ in found)) if found else None
    return Judgement(RENEWED, outcome, because, objective, measured, "certificates")


def _worst(found: list[tuple[Outcome, str]]) -> tuple[Outcome, str]:
    outcomes = {outcome for outcome, _ in found}
    worst = next(one for one in (Outcome.MISSED, Outcome.UNKNOWN, Outcome.MET) if one in outcomes)
    return worst, "; ".join(because for outcome, because in found if outcome is worst)


def _renewed(journal: Journal, renewal: FollowedRunbook, ended: Entry) -> tuple[Outcome, str]:
    """What customers were shown last once the renewal had ended, against all that they had been shown before it."""
    seen = sorted(journal.handshakes.handshakes if journal.handshakes else (), key=lambda one: one.moment)
    since = [one for one in seen if one.moment >= renewal.started.t]
    # The first one afterwards was shown what the runbook found: a fault may have put it there a moment before.
    known = {one.fingerprint for one in (*seen[: len(seen) - len(since)], *since[:1])}
    until = _next_touch(journal, ended)
    after = [one for one in since if one.moment >= ended.t and one.ended is not None and one.ended < until]
    told = f"after the {RENEWAL} that ended at {ended.t:.2f} s of the run"
    if not after:
        return Outcome.UNKNOWN, f"nobody shook hands {told}"
    shown = [one for one in after if one.good]
    if not shown:
        return Outcome.MISSED, f"of {len(after)} handshakes {told} none was good: {after[-1].because}"
    return _judged(shown[-1], known, told)


def _judged(last: Handshake, known: set[str | None], told: str) -> tuple[Outcome, str]:
    if last.fingerprint in known:
        return Outcome.MISSED, f"customers were shown the certificate {last.serial} {told}, as before it"
    return Outcome.MET, f"customers were shown the new certificate {last.serial}, good until {last.not_after}, {told}"


def _next_touch(journal: Journal, ended: Entry) -> float:
    """When something else touched the site, or the story ended early and the drill healed; never if neither came."""
    touches = [entry for entry in journal.entries if entry.kind in TOUCHES and entry.seq > ended.seq]
    end = story_end(journal)
    return min((entry.t for entry in (*touches, *((end,) if end else ()))), default=float("inf"))


certificate_kept = Judge(NAME, None, "certificates", _decide)
"""From the first touch of the site until the drill heals, while a runbook has to fail, one certificate is served."""

certificate_renewed = Judge(RENEWED, None, "certificates", _decide_renewed)
"""Each renewal that ended well gave customers a certificate that nobody had been shown before, and left it to them."""
