"""The promise that the runbooks ran to their ends."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from drills.judges.judgement import Judge, Judgement, Outcome

if TYPE_CHECKING:
    from drills.journal import Entry, Journal


def _decide(journal: Journal, objective: float | None) -> Judgement:
    started = journal.all("runbook_started")
    ended = _ends(journal)
    failed = [entry for entries in ended.values() for entry in entries if entry.get("exit_code") != 0]
    names = [str(entry.get("runbook")) for entry in started]
    unended = sorted({name for name in names if names.count(name) > len(ended[name])})
    measured = None if unended or not started else float(len(failed))
    outcome, because = _found(names, failed, unended)
    return Judgement("runbooks_succeeded", outcome, because, objective, measured, "failed")


def _ends(journal: Journal) -> dict[str, list[Entry]]:
    ended: dict[str, list[Entry]] = defaultdict(list)
    for entry in journal.all("runbook_ended"):
        ended[str(entry.get("runbook"))].append(entry)
    return ended


def _found(names: list[str], failed: list[Entry], unended: list[str]) -> tuple[Outcome, str]:
    if failed:
        told = (
            f"{entry.get('runbook')} ended with {entry.get('exit_code')}: {entry.get('because')}" for entry in failed
        )
        return Outcome.MISSED, "; ".join(told)
    if not names:
        return Outcome.UNKNOWN, "no runbook was followed"
    if unended:
        return Outcome.UNKNOWN, f"the end of this runbook was not seen: {', '.join(unended)}"
    return Outcome.MET, f"{', '.join(names)} ended with 0"


runbooks_succeeded = Judge("runbooks_succeeded", None, "failed", _decide)
"""Every runbook that was followed ran to its end without a failure. Judged in every drill."""
