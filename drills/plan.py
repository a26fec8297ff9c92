"""What a drill would hit, and with what: the same story, told to somebody who only writes it down."""

from __future__ import annotations

import statistics
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from drills import checkout
from drills.errors import UsageError
from drills.journal import read_journal
from drills.runbook import check_saying, check_undoable, load_runbook
from drills.scenario import promises
from drills.site import RELEASES, Host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from drills.cure import Cure
    from drills.faults import Fault
    from drills.probes import Probe
    from drills.scenario import Scenario
    from drills.site import Site
    from drills.workloads.workload import Workload


@dataclass(frozen=True)
class Step:
    """One verb of the story: what it is about, the hosts that it hits, the playbook that it runs."""

    step: str
    what: str
    hosts: tuple[str, ...] = ()
    playbook: str | None = None


class PlannedSite:
    """The site, with a stand-in for a meaning that cannot be resolved now: the primary of a lab that is down."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.unresolved: dict[str, str] = {}
        self.releases: set[str] = set()
        self.groups: set[str] = set()

    def __getitem__(self, name: str) -> Host:
        if name in self._site.meanings:
            try:
                return self._site.meanings[name]()
            except UsageError as error:
                self.unresolved[name] = error.message
                return Host(f"<{name}>", {})
        return self._site[name]

    def group(self, name: str) -> tuple[Host, ...]:
        """Every host of a group."""
        self.groups.add(name)
        return self._site.group(name)

    def release(self, name: str) -> str:
        """The digest of a release; a stand-in where the inventory knows no releases yet."""
        self.releases.add(name)
        if RELEASES in self._site.variables:
            return self._site.release(name)
        self.unresolved[f"release {name}"] = f"the inventory has no {RELEASES}"
        return f"<release {name}>"

    @property
    def event(self) -> str:
        """A stand-in: each run has an event of its own."""
        return "<event>"


@dataclass
class PlannedDrill:
    """Writes the story down and does nothing; each verb is described in `drills.scenario.Drill`."""

    site: PlannedSite
    steps: list[Step] = field(default_factory=list)
    gate: list[Probe] = field(default_factory=list)
    cures: list[Cure] = field(default_factory=list)
    healed: int = 0
    followed: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def require(self, *probes: Probe) -> None:
        """Keep the gate."""
        self.gate += probes
        self.steps += [Step("require", probe.name) for probe in probes]

    @contextmanager
    def during(self, *workloads: Workload) -> Iterator[None]:
        """Write down who uses the system."""
        self.steps += [Step("use", f"{workload.NAME}, {workload.per_second:g} a second") for workload in workloads]
        yield
        self.steps.append(Step("read back", "every booking, twice"))

    def steady(self, for_: timedelta) -> None:
        """Write it down."""
        self.steps.append(Step("require", f"every customer served for {for_.total_seconds():g} s"))

    def inject(self, fault: Fault) -> None:
        """Write down the harm and its cure."""
        self.cures.append(fault.cure())
        self.steps.append(Step("inject", f"{type(fault).__name__}: {', '.join(fault.targets)}", (fault.host.name,)))

    def detect(self, probe: Probe, *, within: timedelta) -> None:
        """Write it down."""
        self.steps.append(Step("detect", f"{probe.name} within {within.total_seconds():g} s"))

    def follow(self, runbook: str, **variables: object) -> None:
        """Write down the playbook."""
        self._follow("follow", runbook, runbook, variables)

    def expect_failure(self, runbook: str, *, saying: str, **variables: object) -> None:
        """Write down the playbook and what it must say."""
        check_saying(runbook, saying)
        self._follow("expect failure", f"{runbook}, saying “{saying}”", runbook, variables)

    def interrupt(self, runbook: str, *, at: str, **variables: object) -> None:
        """Write down the playbook and where its controller is killed."""
        check_undoable(load_runbook(runbook))
        self._follow("interrupt", f"{runbook} at “{at}”", runbook, variables)

    def wait_for(self, probe: Probe, *, within: timedelta) -> None:
        """Write it down."""
        self.steps.append(Step("wait for", f"{probe.name} within {within.total_seconds():g} s"))

    def heal(self) -> None:
        """Write down what is undone: the faults since the heal before."""
        self.steps.append(Step("heal", "; ".join(cure.cure for cure in self.cures[self.healed :])))
        self.healed = len(self.cures)

    @property
    def playbooks(self) -> list[str]:
        """Every playbook that would run, and those that would undo it."""
        names = [name for name, _ in self.followed]
        undos = [load_runbook(name).undo for name in dict.fromkeys(names)]
        names += [undo for undo in undos if undo]
        return list(dict.fromkeys([*(_playbook(name) for name in names), *(cure.playbook for cure in self.cures)]))

    def _follow(self, step: str, what: str, runbook: str, variables: dict[str, object]) -> None:
        self.followed.append((runbook, variables))
        self.steps.append(Step(step, what, playbook=_playbook(runbook)))


@dataclass(frozen=True)
class Plan:
    """The preview of a drill."""

    scenario: str
    title: str
    environment: str
    hosts: tuple[str, ...]
    steps: tuple[Step, ...]
    cures: tuple[dict[str, Any], ...]
    playbooks: tuple[str, ...]
    objectives: tuple[dict[str, Any], ...]
    expected_s: float
    expected_from: str
    unresolved: dict[str, str]

    def document(self) -> dict[str, Any]:
        """The plan as one JSON document."""
        return asdict(self)


def rehearse(scenario: Scenario, site: Site) -> PlannedDrill:
    """Tell the story to a drill that only writes it down."""
    drill = PlannedDrill(PlannedSite(site))
    scenario.story(drill)
    return drill


def plan(scenario: Scenario, site: Site) -> Plan:
    """What the drill would hit, undo and run, what it promises, and how long it takes; nothing is changed.

    Raises:
        UsageError: The story names a host, group or runbook that does not exist.
    """
    drill = rehearse(scenario, site)
    former = _former_durations(scenario.name, site.environment)
    objectives = site.variables.get("drill_objectives") or {}
    return Plan(
        scenario=scenario.name,
        title=scenario.title,
        environment=site.environment,
        hosts=tuple(dict.fromkeys(host for step in drill.steps for host in step.hosts)),
        steps=tuple(drill.steps),
        cures=tuple(cure.as_data() for cure in drill.cures),
        playbooks=tuple(drill.playbooks),
        objectives=tuple(promises(scenario, objectives.get(scenario.name) or {})),
        expected_s=round(statistics.median(former), 1) if former else scenario.takes.total_seconds(),
        expected_from=f"the median of {len(former)} runs" if former else "the scenario's own estimate",
        unresolved=drill.site.unresolved,
    )


def _playbook(runbook: str) -> str:
    return checkout.relative(checkout.playbook_path(runbook))


def _former_durations(scenario: str, environment: str) -> list[float]:
    """How long the completed runs of this scenario took, in seconds."""
    lengths = []
    for folder in checkout.home().glob(f"*-{scenario}"):
        try:
            journal = read_journal(folder)
        except UsageError:
            continue
        closed = journal.last("closed")
        if closed and closed.get("status") == "completed" and journal.opened.get("environment") == environment:
            lengths.append(closed.t)
    return lengths
