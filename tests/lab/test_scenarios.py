"""Each scenario on the real lab, typed as a user types it, one after the other without a reset."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.cluster import Cluster
    from tests.lab.terminal import Ended, Terminal

pytestmark = pytest.mark.lab

STAMPS = {"first_failure", "runbook_started", "runbook_ended", "first_success", "stable"}
STAMPS_OF_A_FAULT = {"fault_started", "fault_confirmed", "detected"}
REPORTS = ("report.md", "report.html", "summary.json", "junit.xml")


@pytest.mark.parametrize(
    "scenario",
    [
        "db_failover",
        pytest.param("db_hang", marks=pytest.mark.long),
        pytest.param("db_isolated", marks=pytest.mark.long),
        "db_switchover",
    ],
)
def test_a_scenario_is_recovered_from_healed_and_met(
    scenario: str, terminal: Terminal, lab: Cluster, recoveries: dict[str, str]
) -> None:
    before = lab.primary, lab.timeline()
    ended = terminal.drill(scenario)
    document = ended.document
    recoveries[scenario] = figures(document)
    assert (document["status"], document["heal"], document["verdict"]) == ("completed", "healed", "met"), ended
    assert ended.code == 0, ended
    assert {judgement["outcome"] for judgement in document["judgements"]} == {"met"}, ended
    assert "runbooks_succeeded" in {judgement["judge"] for judgement in document["judgements"]}, ended
    assert document["writes"] | {"lost": 0, "duplicated": 0} == document["writes"], ended
    assert lab.primary != before[0], f"{before[0]} still leads; {ended.where}"
    assert lab.timeline() > before[1], f"nobody was promoted; {ended.where}"
    assert sorted(lab.standbys(lab.primary)) == sorted(set(lab.databases) - {lab.primary}), ended.where
    missing = STAMPS | (set() if scenario == "db_switchover" else STAMPS_OF_A_FAULT)
    missing -= {name for name, stamp in document["stamps"].items() if stamp is not None}
    assert not missing, f"the stamps {sorted(missing)} are missing; {ended.where}"
    kept_its_rate(ended)
    for report in REPORTS:
        assert (ended.folder / report).stat().st_size, f"{report} is empty; {ended.where}"


def kept_its_rate(ended: Ended) -> None:
    """The customers came as often as they should, all the time."""
    ledger = ledger_of(ended.folder)
    first, last = ledger[0], ledger[-1]
    assert last["kind"] == "closed", f"the ledger was never closed; {ended.where}"
    due = first["per_second"] * (last["t"] - first["t"])
    came = len({line["due"] for line in ledger if line["kind"] == "sent"})
    assert came == pytest.approx(due, rel=0.03), f"customers came at {came} of {due:.0f} ticks; {ended.where}"


def ledger_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


def figures(document: dict[str, Any]) -> str:
    """What was measured, in one line."""
    durations, writes = document["durations"], document["writes"]
    shown = {name: durations.get(name) for name in ("recovery_s", "outage_s", "down_s", "runbook_s")}
    accounts = f"{writes['acknowledged']} acknowledged, {writes['lost']} lost"
    return f"{document['verdict']}, {shown}, {accounts}; {document['run_dir']}"
