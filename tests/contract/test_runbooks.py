"""What runbooks, pages, scenarios and the README promise each other."""

import re
import subprocess
from pathlib import Path

import pytest

from drills.pages import check_all, contract_errors

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted((ROOT / "drills" / "scenarios").glob("[!_]*.py"))


def test_every_runbook_keeps_the_contract() -> None:
    assert [str(flaw) for flaw in contract_errors(ROOT)] == []


def test_every_page_says_what_its_playbook_does() -> None:
    assert [str(flaw) for flaw in check_all(ROOT)] == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda file: file.stem)
def test_every_runbook_that_a_scenario_follows_exists(scenario: Path) -> None:
    followed = re.findall(r'(?:follow|expect_failure|interrupt)\(\s*"(\w+)"', scenario.read_text())
    assert followed
    assert [name for name in followed if not (ROOT / "playbooks" / f"{name}.yml").exists()] == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda file: file.stem)
def test_a_scenario_only_tells_a_story(scenario: Path) -> None:
    code = "\n".join(line for line in scenario.read_text().splitlines() if not line.lstrip().startswith(("#", '"""')))
    assert re.findall(r"^\s*(?:if|for|while|try|except)\b|sleep\(", code, re.MULTILINE) == []


def test_nothing_knows_that_a_drill_is_going_on() -> None:
    found = subprocess.run(
        ["grep", "-rniE", "drill_mode|is_drill|drillbook_run", "playbooks", "roles", "plugins"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""


def test_the_lock_names_no_registry() -> None:
    assert re.findall(r"^--(?:extra-)?index-url|https?://", (ROOT / "requirements.txt").read_text(), re.MULTILINE) == []


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make drill" in readme
    assert "make test" in readme


def test_every_path_the_readme_names_exists() -> None:
    readme = (ROOT / "README.md").read_text()
    named = re.findall(r"`((?:playbooks|inventories|lab|runbooks|tests|drills|roles)/[\w/.]*)`", readme)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
