"""The judgements as JUnit test cases, for CI: what was not proved is an error there, never a pass."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from drills.judges.verdict import Heal, Verdict

if TYPE_CHECKING:
    from drills.judges import Judgement
    from drills.judges.verdict import Summary

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(summary: Summary) -> str:
    """One test case for each judge, one for the verdict and one for the heal.

    Of a void run no case passes: its judges looked at nothing that was put to the test.
    """
    reasons = "; ".join(summary.reasons)
    cases = [_judged(summary, judgement) for judgement in summary.judgements]
    cases.append(
        _case(summary, "verdict", summary.verdict.value, reasons or f"the worst of the judges: {summary.verdict}")
    )
    healing = "missed" if summary.heal is Heal.FAILED else "met"
    cases.append(_case(summary, "heal", healing, f"{summary.heal}; {reasons}" if reasons else summary.heal.value))
    suite = ET.Element(
        "testsuite",
        name=f"drillbook.{summary.environment}.{summary.scenario}",
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        skipped="0",
    )
    suite.extend(cases)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _judged(summary: Summary, judgement: Judgement) -> ET.Element:
    void = summary.verdict is Verdict.VOID
    outcome = Verdict.VOID.value if void else judgement.outcome.value
    because = f"{'; '.join(summary.reasons)}; judged {judgement.outcome}: " if void else ""
    return _case(summary, judgement.judge, outcome, because + judgement.because)


def _case(summary: Summary, name: str, outcome: str, because: str) -> ET.Element:
    case = ET.Element("testcase", classname=f"drillbook.{summary.environment}.{summary.scenario}", name=name)
    text = _NOT_XML.sub("\ufffd", because)
    if outcome == Verdict.MET.value:
        ET.SubElement(case, "system-out").text = text
    else:
        kind = "failure" if outcome == Verdict.MISSED.value else "error"
        ET.SubElement(case, kind, type=outcome, message=text)
    return case
