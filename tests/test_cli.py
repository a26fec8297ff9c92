"""The command line: what is wrong ends in two lines and 64, and nothing is touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from drills import __main__ as command
from drills import checkout

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = """
all:
  vars: {environment_name: nowhere, drills_allowed: ALLOWED, ansible_user: nobody}
  children:
    GROUP:
      hosts:
        db1: {ansible_host: 127.0.0.1, ansible_port: 1}
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DRILLBOOK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    return write(tmp_path, HOSTS.replace("ALLOWED", "true").replace("GROUP", "database"))


def write(folder: Path, text: str) -> Path:
    path = folder / "hosts.yml"
    path.write_text(text)
    return path


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert command._exit_code(list(arguments)) == command.EXIT_USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    error, hint = captured.err.splitlines()[-2:]
    assert error.startswith("error: ")
    assert hint.startswith("HINT: ")
    return captured.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "no command was given"),
        (["nonsense"], "no such command 'nonsense'"),
        (["run"], "missing argument"),
        (["run", "db_failover", "--nope"], "no such option"),
        (["run", "db_failovr"], "did you mean db_failover"),
        (["plan", "db_failovr"], "did you mean db_failover"),
        (["run", "db_failover", "-e", "graceful"], "not of the form name=value"),
        (["run", "db_failover", "-i", "inventories/nowhere"], "there is no inventory"),
        (["judge", "yesterday"], "there is no run 'yesterday'"),
        (["report", "yesterday"], "there is no run 'yesterday'"),
        (["heal", "yesterday"], "there is no run 'yesterday'"),
    ],
)
def test_what_is_wrong_with_the_words(capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    assert told in complaint(capsys, *arguments)


def test_an_inventory_that_is_no_yaml(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "cannot be read" in complaint(capsys, "run", "db_failover", "-i", str(write(tmp_path, "all: [")))


def test_a_host_missing_from_its_group(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write(tmp_path, HOSTS.replace("ALLOWED", "true").replace("GROUP", "web"))
    assert "the group 'database'" in complaint(capsys, "run", "db_failover", "-i", str(path))


def test_a_host_that_cannot_be_reached(capsys: pytest.CaptureFixture[str], inventory: Path, home: Path) -> None:
    assert "db1 cannot be reached" in complaint(capsys, "run", "db_failover", "-i", str(inventory))
    assert not list(home.glob("*-db_failover"))


@pytest.mark.parametrize(
    ("variable", "told"),
    [("stranger=1", "has an input 'stranger'"), ("db_failover_graceful=perhaps", "convert to bool")],
)
def test_a_variable_that_no_runbook_wants(
    capsys: pytest.CaptureFixture[str], inventory: Path, variable: str, told: str
) -> None:
    assert told in complaint(capsys, "run", "db_failover", "-i", str(inventory), "-e", variable)


def test_a_journal_that_is_torn_or_empty(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    folder = home / "20260101T000000Z-db_failover"
    folder.mkdir(parents=True)
    assert "holds no journal.jsonl" in complaint(capsys, "judge", folder.name)
    (folder / "journal.jsonl").write_text('{"seq": 1, "t": 0.0, "kind": "ope')
    assert "torn" in complaint(capsys, "judge", folder.name)


@pytest.mark.parametrize("allowed", ["false", "'true'", "maybe"])
def test_a_site_that_does_not_allow_drills_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Path, allowed: str
) -> None:
    path = write(tmp_path, HOSTS.replace("ALLOWED", allowed).replace("GROUP", "database"))
    code = command._exit_code(["run", "db_failover", "-i", str(path), "--json"])
    captured = capsys.readouterr()
    assert code == 3
    assert json.loads(captured.out)["status"] == "refused"
    assert "HINT: " in captured.err
    assert not list(home.glob("*-db_failover"))


def test_the_unexpected_is_one_line_and_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall_over() -> None:
        raise RuntimeError("the sky fell")

    monkeypatch.setattr("drills.cli.looking.scenarios", fall_over)
    assert command._exit_code(["list"]) == command.EXIT_CRASHED
    captured = capsys.readouterr()
    assert "unexpected RuntimeError: the sky fell" in captured.err
    assert "Traceback" not in captured.err


def test_scenarios_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command._exit_code(["list", "--json"]) == 0
    names = [one["scenario"] for one in json.loads(capsys.readouterr().out)]
    assert names == sorted(path.stem for path in (checkout.ROOT / "drills/scenarios").glob("[!_]*.py"))
    assert {"db_failover", "deploy_under_load", "interrupted_deploy"} <= set(names)
    assert command._exit_code(["list", "--names"]) == 0
    assert capsys.readouterr().out.split() == names


def test_a_plan_tells_who_is_hit_though_nobody_can_be_reached(
    capsys: pytest.CaptureFixture[str], inventory: Path
) -> None:
    assert command._exit_code(["plan", "db_failover", "-i", str(inventory), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["hosts"] == ["<db_primary>"]
    assert plan["playbooks"][:2] == ["playbooks/db_failover.yml", "playbooks/db_rejoin.yml"]
    assert "db1 is unreachable" in plan["unresolved"]["db_primary"]
