"""The verdict on a whole run: the worst of its judgements, or void where nothing can have been proved.

Worst wins: missed > unknown > met; and void beats them all. A run that was refused or in which nothing was
put to the test is void. A run that was aborted, whose story ended early, or whose end was not noted, keeps what
was found out about it, but is never met: it was not seen to its end.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from drills.cure import outstanding
from drills.judges import Judgement, Outcome, judge_named, runbooks_succeeded
from drills.measurement import Measurement, clock_start, ended_early, followed_runbooks, measure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drills.journal import Entry, Journal


CONTROLLER_KILLED = "ControllerKilled"


class Verdict(StrEnum):
    """What the run proved."""

    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"
    VOID = "void"


class Status(StrEnum):
    """How the run itself went, whatever it proved."""

    COMPLETED = "completed"
    ABORTED = "aborted"
    REFUSED = "refused"


class Heal(StrEnum):
    """Whether the system is as it was before."""

    HEALED = "healed"
    FAILED = "failed"
    NOTHING_TO_HEAL = "nothing_to_heal"


@dataclass(frozen=True)
class Summary:
    """A run in short. `reasons` say what makes the verdict worse than its judgements, or heal fail."""

    scenario: str
    environment: str
    run: str
    status: Status
    verdict: Verdict
    heal: Heal
    reasons: tuple[str, ...]
    judgements: tuple[Judgement, ...]
    measurement: Measurement

    def document(self, run_dir: Path | str) -> dict[str, Any]:
        """The one JSON document of a run; stamps are seconds since its clock started."""
        figures = self.measurement
        return {
            "scenario": self.scenario,
            "environment": self.environment,
            "status": self.status.value,
            "verdict": self.verdict.value,
            "heal": self.heal.value,
            "judgements": [asdict(judgement) for judgement in self.judgements],
            "stamps": self.stamps(),
            "durations": dict(figures.durations),
            "writes": _writes(figures),
            "sampling_interval_s": figures.sampling_interval_s,
            "run_dir": str(run_dir),
            "sampling_error_s": _rounded(figures.sampling_error_s),
            "recovery": figures.recovery.value,
            "answers": asdict(figures.answers),
            "reasons": list(self.reasons),
            "clock_started": figures.clock_started,
            "latency": asdict(figures.latency),
            "releases": dict(figures.releases),
            "handshakes": None if figures.handshakes is None else figures.handshakes.document(self._start),
            "forgeries": None if figures.forgeries is None else figures.forgeries.document(self._start),
        }

    @property
    def _start(self) -> float:
        return self.measurement.clock_started or 0.0

    def stamps(self) -> dict[str, float | None]:
        """The stamps in seconds since the drill's clock started; None for what was not seen."""
        start = self._start
        return {name: _rounded(None if t is None else t - start) for name, t in self.measurement.stamps.items()}


def summarize(journal: Journal) -> Summary:
    """Judge a run by what its journal holds, with the judges and objectives that it names."""
    opened = journal.opened
    promised = [judge_named(str(one["judge"]), one.get("objective")) for one in opened.get("judges", [])]
    if runbooks_succeeded.name not in {judge.name for judge in promised}:
        promised.append(runbooks_succeeded)
    judgements = tuple(judge.judge(journal) for judge in promised)
    status, (heal, unhealed) = _status(journal), _heal(journal)
    void, unended = tuple(_void(journal)), tuple(_unended(journal, status))
    return Summary(
        scenario=str(opened.get("scenario")),
        environment=str(opened.get("environment")),
        run=str(opened.get("run")),
        status=status,
        verdict=_verdict(judgements, void=bool(void), seen_to_its_end=not unended),
        heal=heal,
        reasons=(*void, *unended, *unhealed),
        judgements=judgements,
        measurement=measure(journal),
    )


def exit_code(summary: Summary) -> int:
    """The code with which the command ends; a fault that is still in place outweighs everything."""
    if summary.heal is Heal.FAILED:
        return 4
    if summary.status is not Status.COMPLETED:
        return 3
    return {Verdict.MET: 0, Verdict.MISSED: 1, Verdict.UNKNOWN: 2, Verdict.VOID: 2}[summary.verdict]


def _verdict(judgements: tuple[Judgement, ...], *, void: bool, seen_to_its_end: bool) -> Verdict:
    outcomes = {judgement.outcome for judgement in judgements}
    if void:
        return Verdict.VOID
    if Outcome.MISSED in outcomes:
        return Verdict.MISSED
    if outcomes == {Outcome.MET} and seen_to_its_end:
        return Verdict.MET
    return Verdict.UNKNOWN


def _status(journal: Journal) -> Status:
    """As the run closed; one that never closed was aborted, by whatever ended it."""
    closed = journal.last("closed")
    if closed is not None:
        return Status(closed.data["status"])
    return Status.REFUSED if journal.first("refused") else Status.ABORTED


def _void(journal: Journal) -> Iterator[str]:
    """Why nothing can have been proved, if so."""
    if refused := journal.first("refused"):
        yield f"the drill was refused: {refused.get('because')}"
    for gate in journal.all("gate"):
        if gate.get("ok") is not True:
            yield f"the gate {gate.get('probe')} failed: {gate.get('because')}"
    yield from _unconfirmed(journal)
    yield from _uninterrupted(journal)
    clock = clock_start(journal)
    if clock is None:
        yield "neither a fault nor a runbook was started"
    elif journal.ledger_opened is None:
        yield "no workload kept a ledger"
    elif not any(
        sample.acknowledged and sample.purpose == "book" and (sample.ended or clock.t) < clock.t
        for sample in journal.samples
    ):
        yield "no booking was acknowledged before the clock started"


def _unconfirmed(journal: Journal) -> Iterator[str]:
    """The faults that are not proved to have bitten."""
    for entry in journal.all("fault_unconfirmed"):
        yield f"the fault {_fault(entry)} did not take: {entry.get('because')}"
    settled = Counter(_fault(entry) for entry in (*journal.all("fault_confirmed"), *journal.all("fault_unconfirmed")))
    for fault, started in Counter(_fault(entry) for entry in journal.all("fault_started")).items():
        if settled[fault] < started:
            yield f"the fault {fault} was not confirmed"


def _uninterrupted(journal: Journal) -> Iterator[str]:
    """The runbooks whose controller was to be killed, and is not proved to have been."""
    killed = sum(entry.get("fault") == CONTROLLER_KILLED for entry in journal.all("fault_confirmed"))
    wanted = [one for one in followed_runbooks(journal) if one.to_be_interrupted_at is not None]
    if not all(one.interrupted for one in wanted) or killed < len(wanted):
        told = ", ".join(f"{one.name} at “{one.to_be_interrupted_at}”" for one in wanted)
        yield f"it is not proved that the controller was killed in each of: {told}"


def _fault(entry: Entry) -> str:
    return f"{entry.get('fault')} on {entry.get('host')}"


def _unended(journal: Journal, status: Status) -> Iterator[str]:
    """Why the run was not seen to its end, if so."""
    if aborted := journal.first("aborted"):
        yield f"the drill was aborted: {aborted.get('because')}"
    elif status is Status.ABORTED and journal.first("closed"):
        yield "the drill was aborted"
    if early := ended_early(journal):
        yield f"the story ended early: {early}"
    if journal.first("closed") is None:
        yield "the journal was never closed: the drill did not run to its end"
    if journal.cut:
        yield "the journal's last line is torn"


def _heal(journal: Journal) -> tuple[Heal, tuple[str, ...]]:
    """What the drill noted of its heal, if its cures bear it out."""
    cures = journal.first("cure_registered") is not None
    hurt = cures or journal.first("fault_started") is not None
    noted = journal.last("heal_ended")
    if noted is None:
        return (Heal.FAILED, ("the fault was never healed",)) if hurt else (Heal.NOTHING_TO_HEAL, ())
    heal = Heal(noted.data["heal"])
    if heal is Heal.FAILED:
        return heal, (f"healing failed: {noted.get('because')}",)
    if hurt and not cures:
        return Heal.FAILED, ("a fault was started, but no cure for it was registered",)
    open_cures = [cure.cure for cure in outstanding(journal.entries)]
    if open_cures:
        return Heal.FAILED, (f"the heal is noted as {heal}, but not these cures: {', '.join(open_cures)}",)
    return heal, ()


def _writes(figures: Measurement) -> dict[str, Any]:
    """The accounts of the writes, their window counted from the drill's clock."""
    writes = asdict(figures.writes)
    window, start = figures.writes.lost_window, figures.clock_started or 0.0
    writes["lost_window"] = None if window is None else [_rounded(t - start) for t in window]
    return writes


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
