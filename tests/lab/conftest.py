"""The lab for the tests: an inventory with patient objectives, a home of their own, and a whole cluster for each."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from drills.lock import LockedError, environment_lock
from tests.lab.cluster import Cluster
from tests.lab.terminal import ROOT, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAB = ROOT / "inventories" / "lab"
HOME = ROOT / ".lab" / "tests"
# What is tested here is whether a drill tells the truth, on a machine that does other things as well. How fast the
# lab recovers is measured by `make drill` and `make bench`, with the inventory's own objectives.
PATIENCE_SECONDS = 60
RECOVERIES = pytest.StashKey[dict[str, str]]()


@pytest.fixture(scope="session", autouse=True)
def the_lab_is_ours() -> Iterator[None]:
    """Nobody else drills meanwhile."""
    try:
        with environment_lock("lab", "the tests of the lab"):
            yield
    except LockedError as error:
        pytest.fail(f"{error}; wait for its end", pytrace=False)


@pytest.fixture(scope="session")
def inventory() -> Path:
    """The lab's inventory with patient objectives."""
    own = yaml.safe_load((LAB / "group_vars" / "all" / "environment.yml").read_text())["drill_objectives"]
    patient = {scenario: {**promised, "recovered_within": PATIENCE_SECONDS} for scenario, promised in own.items()}
    return inventory_with("inventory", drill_objectives=patient)


@pytest.fixture(scope="session")
def blind_inventory(inventory: Path) -> Path:
    """The same, with a watch over new releases that finds nothing wrong with any."""
    assert inventory
    return inventory_with(
        "blind_inventory", load_balancer_bake_max_error_percent=100, load_balancer_bake_max_p95_seconds=3600
    )


@pytest.fixture(scope="session")
def uncounted_inventory(inventory: Path) -> Path:
    """The same, and nobody said of which databases rows are counted when a backup is made."""
    assert inventory
    return inventory_with("uncounted_inventory", backup_databases=[])


def inventory_with(name: str, **variables: object) -> Path:
    """The lab's inventory, file by file, with one more that overrides variables."""
    folder = HOME / name
    shutil.rmtree(folder, ignore_errors=True)
    for file in (path for path in LAB.rglob("*") if path.is_file()):
        link = folder / file.relative_to(LAB)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file)
    (folder / "group_vars" / "all" / "tests.yml").write_text(yaml.safe_dump(variables))
    return folder


@pytest.fixture(scope="session")
def terminal(inventory: Path) -> Terminal:
    """A shell; the runs of the last session are thrown away, what can be worked out again is kept."""
    for run in HOME.glob("*Z*-*/"):
        shutil.rmtree(run)
    return Terminal(HOME, inventory)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The hosts, found through podman and the inventory's own files."""
    facts = LAB / "group_vars" / "all" / "checkout.yml"
    if not facts.is_file():
        pytest.fail("the lab is not up; run: drillbook lab up", pytrace=False)
    known = yaml.safe_load(facts.read_text())
    groups = yaml.safe_load((LAB / "hosts.yml").read_text())["all"]["children"]
    members = {name: list(group["hosts"]) for name, group in groups.items() if "hosts" in group}
    hosts = [host for group in members.values() for host in group]
    return Cluster(known["lab_name"], hosts, members["database"], f"http://{known['lab_network_prefix']}.10")


@pytest.fixture
def lab(cluster: Cluster, terminal: Terminal) -> Iterator[Cluster]:
    """The lab, whole before and after; a test that leaves it otherwise has failed, and the next one finds a new lab."""
    yield cluster
    try:
        left = cluster.await_whole()
    except subprocess.SubprocessError as error:
        left = [f"{error}: {error.stderr if isinstance(error, subprocess.CalledProcessError) else ''}"]
    if left:
        terminal.type("lab", "reset")
        pytest.fail(f"the lab was not left whole, and was reset: {'; '.join(left)}", pytrace=False)


@pytest.fixture(scope="session")
def releases() -> dict[str, str]:
    """The digests of the lab's releases, by name."""
    known: dict[str, str] = yaml.safe_load((LAB / "group_vars" / "all" / "checkout.yml").read_text())["drill_releases"]
    return known


@pytest.fixture
def service(lab: Cluster, terminal: Terminal, releases: dict[str, str]) -> Iterator[Cluster]:
    """The lab with its first release live, before and after."""
    yield lab
    if lab.version().get("digest") != releases["1.0.0"]:
        terminal.type("lab", "reset")
        pytest.fail("another release than the first one was left live, and the lab was reset", pytrace=False)


@pytest.fixture
def recoveries(request: pytest.FixtureRequest) -> dict[str, str]:
    """What is told of each scenario at the end of the session."""
    return request.config.stash.setdefault(RECOVERIES, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell what was measured, whatever was asserted."""
    for scenario, told in config.stash.get(RECOVERIES, {}).items():
        terminalreporter.write_line(f"{scenario}: {told}")
