"""The drills of backups on the real lab, and a gate that a stopped archiver must close."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.test_scenarios import figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.cluster import Cluster
    from tests.lab.terminal import Terminal

pytestmark = pytest.mark.lab

UNPROVED = 2


@pytest.mark.parametrize(
    "scenario",
    [
        "restore_last_night",
        pytest.param("lose_the_backup_host", marks=pytest.mark.long),
        pytest.param("lose_the_database", marks=pytest.mark.long),
    ],
)
def test_a_drill_of_backups_is_met_and_healed(
    scenario: str, terminal: Terminal, lab: Cluster, recoveries: dict[str, str]
) -> None:
    ended = terminal.drill(scenario)
    document = ended.document
    recoveries[scenario] = figures(document)
    assert (document["status"], document["heal"], document["verdict"]) == ("completed", "healed", "met"), ended
    assert ended.code == 0, ended
    assert sorted(lab.standbys(lab.primary)) == sorted(set(lab.databases) - {lab.primary}), ended.where
    (checks,) = (one for one in document["judgements"] if one["judge"] == "every_check_met")
    assert "not checked:" in checks["because"], ended
    assert "What the runbooks proved" in (ended.folder / "report.md").read_text(), ended.where


@pytest.fixture
def stopped_archiver(lab: Cluster) -> Iterator[str]:
    """The primary says that it archives, and brings WAL nowhere; its name."""
    primary = lab.primary
    lab.sql(primary, "ALTER SYSTEM SET archive_command = '/bin/true'")
    lab.sql(primary, "SELECT pg_reload_conf()")
    yield primary
    lab.sql(primary, "ALTER SYSTEM RESET archive_command")
    lab.sql(primary, "SELECT pg_reload_conf()")


def test_what_nobody_archives_is_not_called_restorable(terminal: Terminal, stopped_archiver: str) -> None:
    ended = terminal.drill("restore_last_night")
    assert (ended.code, ended.document["verdict"]) == (UNPROVED, "void"), ended
    assert any(f"archiving is not set up on {stopped_archiver}" in reason for reason in ended.document["reasons"]), (
        ended
    )
