"""The drills of deploy and rollback on the real lab, and one that must not pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.test_scenarios import figures, kept_its_rate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.cluster import Cluster
    from tests.lab.terminal import Terminal

pytestmark = pytest.mark.lab

MISSED = 1


@pytest.mark.parametrize(
    "scenario",
    [
        "tampered_release",
        "bad_release_errors",
        "rollback_by_hand",
        pytest.param("deploy_under_load", marks=pytest.mark.long),
        pytest.param("interrupted_deploy", marks=pytest.mark.long),
        pytest.param("bad_release_crash", marks=pytest.mark.long),
        pytest.param("bad_release_slow", marks=pytest.mark.long),
    ],
)
def test_a_drill_of_releases_is_met_and_healed(
    scenario: str, terminal: Terminal, service: Cluster, recoveries: dict[str, str]
) -> None:
    before = service.version()["digest"]
    ended = terminal.drill(scenario)
    document = ended.document
    recoveries[scenario] = figures(document)
    assert (document["status"], document["heal"], document["verdict"]) == ("completed", "healed", "met"), ended
    assert ended.code == 0, ended
    assert document["writes"] | {"lost": 0, "duplicated": 0} == document["writes"], ended
    assert service.version()["digest"] == before, ended.where
    kept_its_rate(ended)


def test_a_bad_release_that_the_watch_lets_pass_is_a_missed_drill(
    terminal: Terminal, service: Cluster, blind_inventory: Path
) -> None:
    before = service.version()["digest"]
    ended = terminal.type("run", "bad_release_errors", "-i", str(blind_inventory), "--json")
    document = ended.document
    assert (ended.code, document["verdict"], document["heal"]) == (MISSED, "missed", "healed"), ended
    (runbooks,) = (one for one in document["judgements"] if one["judge"] == "runbooks_succeeded")
    assert "ended with 0" in runbooks["because"], ended
    assert service.version()["digest"] == before, ended.where
