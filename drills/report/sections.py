"""What a report tells, in order; the same for Markdown and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from drills.judges import Outcome
from drills.measurement import checks, damages, words
from drills.report.happenings import log, looks, tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drills.journal import Journal
    from drills.judges.verdict import Summary

NOT_SEEN = "not seen"

STAMPS = {
    "fault_started": "The fault was about to be set",
    "fault_confirmed": "The fault was proved to have taken",
    "first_failure": "The first customer was not served",
    "detected": "The failure was detected",
    "runbook_started": "The first runbook after the clock's start was started",
    "runbook_ended": "The last of them that was started before customers were served had ended",
    "first_success": "The first good answer after the last failure",
    "stable": "Served without a failure for long enough to call it stable",
}

DURATIONS = {
    "recovery_s": "Recovery time: from the start of the clock to the first of the stable good answers",
    "outage_s": "Outage: from the first failure to that answer",
    "down_s": "Time down, all failures and silences added up",
    "detection_s": "Detection: from the fault to its detection",
    "decision_s": "Decision: from the detection to the runbook's start",
    "runbook_s": "Runbook: from its start to its end; tidying up after customers were served is no part of it",
    "settle_s": "Settling: from the runbook's end to the good answer; negative if customers were served before",
}

WRITES = {
    "attempted": "Attempted: different bookings that were asked for",
    "acknowledged": "Acknowledged: the service said that they are committed",
    "lost": "Lost: acknowledged, but absent or changed in the last read-back",
    "late": "Late: absent from the first read-back, present in the second",
    "refused": "Refused: surely not written",
    "indeterminate": "Indeterminate: no answer tells whether they were written",
    "recovered": "Recovered: indeterminate ones that turned up",
    "unexpected": "Unexpected: refused ones that turned up",
    "duplicated": "Duplicated: seats or keys with more than one booking",
}


@dataclass(frozen=True)
class Section:
    """A heading, a few sentences and a table; any of its parts may be empty."""

    title: str
    lead: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def sections(journal: Journal, summary: Summary) -> tuple[Section, ...]:
    """Everything that an auditor asks: what was promised, what happened, and how sure we are."""
    start = summary.measurement.clock_started or 0.0
    return (
        _promises(summary),
        _stamps(journal, summary),
        _durations(summary),
        Section(
            "The runbooks, task by task",
            "Seconds count from the start of the drill's clock.",
            ("from", "s", "host", "task", "where", "outcome", "because"),
            tasks(journal, start),
        ),
        _writes(summary),
        *_checks(journal),
        *_releases(journal, summary),
        *_handshakes(summary),
        *_forgeries(summary),
        *_damages(journal, summary),
        Section("Faults, cures and all else", "", ("at s", "what", "details"), log(journal, start)),
        Section(
            "The hosts, as they were looked at",
            "Only looks that found something new.",
            ("at s", "host", "state", "timeline", "receives from", "because"),
            looks(journal, start),
        ),
        Section("How sure we are", "", ("", ""), tuple(_certainty(journal, summary))),
        Section("Where, by whom, with what", "", ("", ""), tuple(_provenance(journal))),
    )


def seconds(value: float | None, digits: int = 2) -> str:
    """A duration for people; what is not known is said so."""
    return NOT_SEEN if value is None else f"{value:.{digits}f} s"


def error_of(summary: Summary) -> str:
    """The sampling error as it stands beside a figure."""
    error = summary.measurement.sampling_error_s
    return "error unknown" if error is None else f"+{error:.2f}/-{error:.2f}"


def _promises(summary: Summary) -> Section:
    rows = tuple(
        (
            judgement.judge,
            judgement.outcome.value,
            _figure(judgement.objective, judgement.unit),
            _figure(judgement.measured, judgement.unit),
            judgement.because,
        )
        for judgement in summary.judgements
    )
    return Section("What was promised", "", ("promise", "outcome", "objective", "measured", "because"), rows)


def _figure(value: float | None, unit: str | None) -> str:
    return "-" if value is None else f"{value:.4g} {unit or ''}".strip()


def _stamps(journal: Journal, summary: Summary) -> Section:
    opened = journal.opened
    raw = summary.measurement.stamps
    watch = summary.measurement.watch
    remarks = {"first_failure": f": {watch.failures[0].because}"} if watch is not None and watch.failures else {}
    rows = tuple(
        (
            "-" if after is None else f"{after:.3f}",
            _wall(opened.get("wall"), raw[name], opened.t),
            name,
            f"{STAMPS[name]}{remarks.get(name, '')}" if after is not None else f"{STAMPS[name]}: {NOT_SEEN}",
        )
        for name, after in summary.stamps().items()
    )
    fault = raw["fault_started"] is not None
    lead = "The clock starts with the fault." if fault else "No fault was set: the clock starts with the first runbook."
    return Section("What happened", lead, ("s", "UTC", "stamp", "meaning"), rows)


def _wall(wall: str | None, t: float | None, opened: float) -> str:
    """The time of day, by the one wall-clock anchor that the run has."""
    if wall is None or t is None:
        return "-"
    moment = datetime.fromisoformat(wall) + timedelta(seconds=t - opened)
    return moment.strftime("%H:%M:%S.%f")[:-3]


def _durations(summary: Summary) -> Section:
    sampled = {"recovery_s", "outage_s"}
    rows = tuple(
        (seconds(value) + (f" ({error_of(summary)})" if name in sampled and value is not None else ""), meaning)
        for name, meaning in DURATIONS.items()
        for value in [summary.measurement.durations[name]]
    )
    answers = summary.measurement.answers
    lead = (
        f"Since the clock started {answers.good} answers were good, {answers.failed} requests failed and "
        f"{answers.missed} ticks were missed."
    )
    return Section("How long it took", lead, ("time", "meaning"), rows)


def _writes(summary: Summary) -> Section:
    writes = summary.measurement.writes
    figures = {name: getattr(writes, name) for name in WRITES}
    rows = [("not known" if figures[name] is None else str(figures[name]), text) for name, text in WRITES.items()]
    if writes.lost_window is not None:
        start = summary.measurement.clock_started or 0.0
        first, last = (f"{t - start:.3f} s" for t in writes.lost_window)
        rows.append((f"{first} to {last}", "When the lost ones had been acknowledged, since the clock started"))
    return Section("The customers' writes", "", ("writes", "meaning"), tuple(rows))


def _checks(journal: Journal) -> Iterator[Section]:
    """What the runbooks' own proofs found, where they made any."""
    rows = tuple((one.host, one.check, one.outcome, one.because) for one in checks(journal))
    if rows:
        lead = "What was not checked is listed as well: it is not known to be right."
        yield Section("What the runbooks proved", lead, ("host", "check", "outcome", "because"), rows)


def _releases(journal: Journal, summary: Summary) -> Iterator[Section]:
    """Who answered the customers, where any answer told."""
    figures = summary.measurement
    total = sum(figures.releases.values())
    start = figures.clock_started or 0.0
    rows = []
    for release, number in figures.releases.items():
        times = [sample.ended - start for sample in journal.samples if sample.release == release and sample.ended]
        span = (f"{min(times):.2f}", f"{max(times):.2f}") if times else ("-", "-")
        rows.append((release, str(number), f"{100 * number / total:.1f} %", *span))
    if rows:
        nameless = sum(sample.ended is not None and sample.release is None for sample in journal.samples)
        told = figures.latency.told()
        lead = f"Since the clock started {told}. In the whole run {nameless} answers did not name a release."
        columns = ("release", "answers", "share", "first at s", "last at s")
        yield Section("Who answered the customers, and how fast", lead, columns, tuple(rows))


def _handshakes(summary: Summary) -> Iterator[Section]:
    """Who opened new TLS connections all the time, if anybody did."""
    seen, start = summary.measurement.handshakes, summary.measurement.clock_started or 0.0
    if seen is None:
        return
    failed = ", ".join(f"{count} {name}" for name, count in sorted(seen.failed.items())) or "none failed"
    lead = f"{seen.tried} new connections since the site was first touched; {failed}; {seen.latency.told()}."
    rows = tuple(
        (one.serial, f"{one.first - start:.2f}", f"{one.last - start:.2f}", str(one.times), one.not_after)
        for one in seen.certificates
    )
    columns = ("certificate", "first seen at s", "last seen at s", "times", "ends")
    yield Section("TLS handshakes", lead, columns, rows)


def _forgeries(summary: Summary) -> Iterator[Section]:
    """What became of tokens that were forged with a leaked key, if a forger was there."""
    seen, start = summary.measurement.forgeries, summary.measurement.clock_started or 0.0
    if seen is None:
        return
    key = "without a key" if seen.kid is None else f"with the key {seen.kid}"
    dead = (
        "not seen to be worth nothing"
        if seen.dead_after_s is None
        else f"worth nothing after {seen.dead_after_s:.2f} s"
    )
    lead = f"{seen.tried} tokens were forged {key}, which was {dead}."
    rows = tuple(
        (one.outcome, str(one.times), f"{one.first - start:.2f}", f"{one.last - start:.2f}", one.because)
        for one in seen.answers
    )
    yield Section("Forged tokens", lead, ("answer", "times", "first at s", "last at s", "mostly because"), rows)


def _damages(journal: Journal, summary: Summary) -> Iterator[Section]:
    """What was damaged and which runbook said so, where one had to."""
    start = summary.measurement.clock_started or 0.0
    rows = tuple(
        (
            f"{damage.started.t - start:.2f}",
            f"{damage.name}: {', '.join(str(target) for target in damage.started.get('targets') or [])}",
            NOT_SEEN if damage.confirmed is None else str(damage.confirmed.get("because")),
            one.name,
            NOT_SEEN if one.ended is None else words(one) or "nothing: it ended well",
        )
        for damage in damages(journal)
        for one in damage.runbooks
    )
    if rows:
        lead = "Each was in place while the runbook ran that had to name it."
        columns = ("at s", "damage", "how it was seen", "runbook", "what it said")
        yield Section("What was damaged, and who said so", lead, columns, rows)


def _certainty(journal: Journal, summary: Summary) -> Iterator[tuple[str, ...]]:
    figures = summary.measurement
    yield "Sampling interval, planned", seconds(figures.sampling_interval_s, 3)
    yield (
        "Sampling error: the longest time between two requests at the outage's edges",
        seconds(figures.sampling_error_s, 3),
    )
    yield "Clock", "one monotonic clock for all durations; times of day follow from one wall-clock anchor"
    yield "Anchor", f"{journal.opened.get('wall')} = {journal.opened.get('anchor')} s monotonic"
    if figures.watch is not None:
        watch = figures.watch
        end = "in good order" if watch.closed else "because the workload died; what followed is unknown"
        yield "Watch", f"lasted {watch.ended - watch.started:.2f} s after the clock started and ended {end}"
        silent = [failure for failure in watch.failures if failure.silence]
        yield "Silences of the workload, counted as down", str(len(silent))
    yield "Failed answers before the clock started", str(figures.answers.failed_before)
    for name, t in figures.stamps.items():
        if t is None:
            yield "Not observed", f"{name}: {STAMPS[name][0].lower()}{STAMPS[name][1:]}"
    for judgement in summary.judgements:
        if judgement.outcome is Outcome.UNKNOWN:
            yield "Not known", f"{judgement.judge}: {judgement.because}"
    for reason in summary.reasons:
        yield "Reservation", reason


def _provenance(journal: Journal) -> Iterator[tuple[str, ...]]:
    for name in ("run", "environment", "inventory", "controller", "operator", "version", "commit"):
        yield name, str(journal.opened.get(name, "not noted"))
    for group, hosts in sorted(journal.opened.get("site", {}).items()):
        yield f"site: {group}", ", ".join(str(host) for host in hosts)
    for entry in journal.all("runbook_started"):
        yield f"command: {entry.get('runbook')}", str(entry.get("command"))
