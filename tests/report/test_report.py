from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from drills.forgeries import Forgery, ForgeryLedger
from drills.handshakes import Handshake, HandshakeLedger
from drills.judges.verdict import Summary, summarize
from drills.report import render

if TYPE_CHECKING:
    from tests.conftest import Story


def _render(story: Story, run_dir: Path) -> Summary:
    journal = story.journal()
    summary = summarize(journal)
    render(journal, summary, run_dir)
    return summary


def _cases(run_dir: Path) -> dict[str, list[str]]:
    """What stands in each JUnit test case."""
    root = ET.fromstring((run_dir / "junit.xml").read_text())  # noqa: S314  # our own file
    return {case.attrib["name"]: [child.tag for child in case] for case in root.iter("testcase")}


def test_four_files_and_no_drafts_are_left(failover: Story, tmp_path: Path) -> None:
    _render(failover, tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"summary.json", "junit.xml", "report.md", "report.html"}


def test_the_summary_is_the_document(failover: Story, tmp_path: Path) -> None:
    summary = _render(failover, tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text()) == summary.document(tmp_path)


def test_the_same_journal_gives_the_same_report(failover: Story, tmp_path: Path) -> None:
    _render(failover, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    _render(failover, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_page_refers_to_nothing_outside(failover: Story, tmp_path: Path) -> None:
    _render(failover, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert not re.findall(r"""(?:src|href|action|data)\s*=\s*["'](?!#)""", page)
    assert not re.findall(r"url\((?!#)|@import|<script|<link", page)
    assert set(re.findall(r"https?://[^\s\"'<)]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_the_drawing_takes_the_pages_ink(failover: Story, tmp_path: Path) -> None:
    _render(failover, tmp_path)
    page = (tmp_path / "report.html").read_text()
    drawing = page[page.index("<svg") : page.index("</svg>")]
    assert "currentColor" in drawing
    assert "first success 2.01 s" in drawing
    assert "db3" in drawing


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_an_auditor_finds_what_happened(failover: Story, tmp_path: Path, name: str) -> None:
    _render(failover, tmp_path)
    text = (tmp_path / name).read_text()
    for told in (
        "2.01 s (+0.05/-0.05)",
        "roles/postgresql/tasks/promote.yml:12",
        "0123456789abcdef",
        "ansible-playbook playbooks/db_failover.yml",
        "power_on.yml",
        "the container has exited",
        "1000.0 s monotonic",
        "00:00:12.010",
    ):
        assert told in text


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_what_was_not_seen_is_told(failover: Story, tmp_path: Path, name: str) -> None:
    _render(failover.without("read_back", "detected"), tmp_path)
    text = (tmp_path / name).read_text()
    assert "detected: the failure was detected" in text
    assert "the bookings were never read back" in text
    assert "it is not known whether writes were lost" in text


def test_text_of_the_journal_is_text_on_every_page(failover: Story, tmp_path: Path) -> None:
    nasty = "<script>alert(1)</script> & | `x`\n\x1b[31mred\x00 $x$"
    failover.add(20.0, "task", runbook="r", task=nasty, host=nasty, path="p", outcome="failed", because=nasty)
    failover.without("closed").add(30.5, "aborted", because=nasty)
    _render(failover, tmp_path)
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]  # noqa: ARG005
    parser.feed((tmp_path / "report.html").read_text())
    assert "script" not in tags
    rows = [line for line in (tmp_path / "report.md").read_text().splitlines() if "red" in line]
    assert all("<script" not in row and "\x1b" not in row for row in rows)
    assert any(r"\| \`x\` red $x$" in row for row in rows)
    assert "verdict" in _cases(tmp_path)


def test_what_is_met_passes_in_ci(failover: Story, tmp_path: Path) -> None:
    _render(failover, tmp_path)
    assert set(map(tuple, _cases(tmp_path).values())) == {("system-out",)}


def test_what_was_not_proved_never_passes_in_ci(failover: Story, tmp_path: Path) -> None:
    _render(failover.without("read_back").fail(12.0, 31.0), tmp_path)
    cases = _cases(tmp_path)
    assert cases["recovered_within"] == ["failure"]
    assert cases["no_acknowledged_write_lost"] == ["error"]
    assert cases["verdict"] == ["failure"]


def test_that_the_story_ended_early_is_told_and_never_passes_in_ci(failover: Story, tmp_path: Path) -> None:
    _render(failover.add(30.0, "story_ended", because="accepts_bookings still says no after 5 s"), tmp_path)
    for page in ("report.md", "report.html"):
        text = (tmp_path / page).read_text()
        assert "the story ended early: accepts" in text
        assert "story_ended" in text.replace("\\_", "_")
    assert _cases(tmp_path)["verdict"] == ["error"]


def test_of_a_void_run_nothing_passes_in_ci(failover: Story, tmp_path: Path) -> None:
    _render(failover.without("fault_confirmed"), tmp_path)
    cases = _cases(tmp_path)
    assert cases.pop("heal") == ["system-out"]
    assert set(map(tuple, cases.values())) == {("error",)}


def test_a_heal_that_failed_fails_in_ci(failover: Story, tmp_path: Path) -> None:
    _render(failover.without("heal_ended"), tmp_path)
    assert _cases(tmp_path)["heal"] == ["failure"]


def test_a_refused_run_has_a_report_without_a_drawing(failover: Story, tmp_path: Path) -> None:
    failover.entries = failover.entries[:1]
    failover.samples = []
    _render(failover.add(0.1, "refused", because="not here").add(0.2, "closed", status="refused"), tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "the drill was refused: not here" in page
    assert "<svg" not in page


def test_a_workload_that_died_at_once_has_a_report(failover: Story, tmp_path: Path) -> None:
    failover.samples, failover.closed = failover.samples[:1], None
    _render(failover, tmp_path)
    assert "the workload died" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_who_answered_is_told_where_any_answer_names_its_release(failover: Story, tmp_path: Path, name: str) -> None:
    _render(failover, tmp_path)
    assert "Who answered the customers" not in (tmp_path / name).read_text()
    _render(failover.change(lambda one: one.acknowledged, release="sha256:1"), tmp_path)
    text = (tmp_path / name).read_text()
    assert "Who answered the customers" in text
    assert "sha256:1" in text
    assert "100.0 %" in text


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_each_damage_is_told_with_the_words_that_named_it(failover: Story, tmp_path: Path, name: str) -> None:
    failover.add(20.0, "fault_started", fault="PageFlipped", host="backup1", targets=["seats of the copy"], cure="c2")
    failover.add(20.1, "fault_confirmed", fault="PageFlipped", host="backup1", because="it cannot be read")
    failover.add(20.2, "runbook_started", runbook="backup_verify", must_fail="invalid page")
    failover.add(20.3, "runbook_ended", runbook="backup_verify", exit_code=2, because="rows: invalid page in 7; more")
    _render(failover, tmp_path)
    page = (tmp_path / name).read_text()
    assert "What was damaged, and who said so" in page
    for told in ("seats of the copy", "it cannot be read", "backup_verify", "invalid page in 7"):
        assert told in page


def test_the_templates_are_package_data() -> None:
    root = Path(__file__).parents[2]
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["drills"]
    templates = {path for path in (root / "drills/report/templates").iterdir() if path.is_file()}
    packed = {path for pattern in patterns for path in (root / "drills").glob(pattern)}
    assert templates <= packed


def test_who_shook_hands_is_told_with_every_certificate(failover: Story, tmp_path: Path) -> None:
    def visit(n: int) -> Handshake:
        due = n * 0.1
        return Handshake(n, due, due, due + 0.02, due + 0.03, "good", "0A" if n < 200 else "0B", f"{n < 200}", "soon")

    opened = {"t": 0.0, "interval_s": 0.1, "timeout_s": 1.0}
    ledger = HandshakeLedger(tuple(visit(n) for n in range(300)), opened, {"t": 30.0})
    summary = summarize(replace(failover.journal(), handshakes=ledger))
    render(replace(failover.journal(), handshakes=ledger), summary, tmp_path)
    told = json.loads((tmp_path / "summary.json").read_text())["handshakes"]
    assert (told["tried"], told["good"], told["failed"]) == (200, 200, {})
    assert [one["serial"] for one in told["certificates"]] == ["0A", "0B"]
    page = (tmp_path / "report.md").read_text()
    assert "200 new connections since the site was first touched; none failed" in page
    assert "0B" in page


def test_where_nobody_shook_hands_nothing_is_said_of_it(failover: Story, tmp_path: Path) -> None:
    _render(failover, tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text())["handshakes"] is None
    assert "TLS handshakes" not in (tmp_path / "report.md").read_text()


def test_what_became_of_forged_tokens_is_told_with_the_keys_id(failover: Story, tmp_path: Path) -> None:
    def forge(n: int) -> Forgery:
        due = 10.05 + n * 0.1
        return Forgery(n, due, due, due + 0.01, *(("accepted", "") if n < 50 else ("refused", "unknown key")))

    opened = {"t": 0.0, "interval_s": 0.1, "timeout_s": 5.0}
    ledger = ForgeryLedger(tuple(forge(n) for n in range(200)), opened, {"t": 10.0, "kid": "k-17"}, {"t": 30.0})
    failover.without("fault_started").add(10.0, "fault_started", fault="SigningKeyLeaked", host="app1", cure="c1")
    journal = replace(failover.journal(), forgeries=ledger)
    render(journal, summarize(journal), tmp_path)
    told = json.loads((tmp_path / "summary.json").read_text())["forgeries"]
    assert (told["tried"], told["kid"], told["dead_after_s"]) == (200, "k-17", 5.06)
    assert [(one["outcome"], one["times"]) for one in told["answers"]] == [("accepted", 50), ("refused", 150)]
    page = (tmp_path / "report.md").read_text()
    assert "200 tokens were forged with the key k-17, which was worth nothing after 5.06 s" in page
    assert "unknown key" in page
