"""A stage on which drills are performed without hosts: playbooks, power and customers are played by stand-ins."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drills.cure import Cure
from drills.interruption import Interruption
from drills.journal import Journal, read_journal
from drills.perform import Performance, perform
from drills.probes import Probe, Reading
from drills.run import open_run
from drills.runbook import Followed, Order, Task
from drills.scenario import Scenario, Story, minutes
from drills.site import Host, Site
from drills.workloads.readback import ReadBack

if TYPE_CHECKING:
    from collections.abc import Callable


PLAYBOOKS = Path(__file__).with_name("playbooks")


@dataclass
class PlayedFault:
    """A fault that is only noted; `bites` says whether the look finds it."""

    stage: Stage
    host: Host
    bites: bool = True
    explodes: BaseException | None = None
    targets: tuple[str, ...] = ("power of db1",)

    def inject(self) -> None:
        self.stage.happened.append(f"harm {self.host}")
        self.stage.journal_at_harm = self.stage.journal_text()
        if self.explodes is not None:
            raise self.explodes

    def confirm(self) -> Reading:
        return Reading(self.bites, "it bit" if self.bites else "it is as well as before")

    def cure(self) -> Cure:
        return Cure(f"cure of {self.host}", "drills/faults/cures/host_powered_on.yml", "db1", "fault Played db1")


@dataclass
class PlayedWorkload:
    """Customers who are only noted."""

    stage: Stage
    NAME: str = "bookings"
    per_second: float = 50
    interval_s: float = 0.02
    timeout_s: float = 1.0
    pid: int = 4711

    def start(self, *_: object) -> PlayedWorkload:
        self.stage.happened.append("customers come")
        return self

    def stop(self) -> int:
        self.stage.happened.append("customers go")
        return 0


@dataclass
class Stage:
    """What happened, in order, and the means to make it happen."""

    home: Path
    site: Site
    happened: list[str] = field(default_factory=list)
    exit_codes: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    on_start: Callable[[str, Callable[[str, int], None]], None] = lambda _name, _begins: None
    steady: bool = True
    on_interrupt: bool = True
    journal_at_harm: str = ""
    live: str = "sha256:before"
    on_playbook: Callable[[str], None] = lambda _: None
    interruption: Interruption | None = None

    def perform(self, story: Story) -> Performance:
        """Tell this story on the stage."""
        scenario = Scenario("played", "A story.", (), minutes(1), story)
        run = open_run(scenario, self.site, "ada", [])
        with Interruption(self.happened.append) as interruption:
            self.interruption = interruption
            ended = perform(scenario, run, interruption, {})
        run.journal.close()
        return ended

    @property
    def run_dir(self) -> Path:
        return next(self.home.glob("*-played"))

    def journal(self) -> Journal:
        return read_journal(self.run_dir)

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.journal().entries]

    def journal_text(self) -> str:
        return (self.run_dir / "journal.jsonl").read_text()

    def fault(self, **options: Any) -> PlayedFault:  # noqa: ANN401  # the options of PlayedFault
        return PlayedFault(self, self.site["db1"], **options)

    def probe(self) -> Probe:
        return Probe("is_steady", lambda _: Reading(self.steady, "as the stage says"))

    def workload(self) -> Any:  # noqa: ANN401  # it plays a Workload
        return PlayedWorkload(self)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv("DRILLBOOK_HOME", str(tmp_path))
    monkeypatch.setenv("DRILLBOOK_PLAYBOOKS", str(PLAYBOOKS))
    hosts = {name: Host(name) for name in ("db1", "db2", "db3")}
    made = Stage(
        tmp_path, Site(Path("inventories/lab"), hosts, {"database": tuple(hosts)}, {"environment_name": "stage"})
    )

    class PlayedFollowing:
        def __init__(
            self,
            order: Order,
            _run: str,
            _artifacts: Path,
            _on_task: Callable[[Task], None],
            on_start: Callable[[str, int], None] = lambda _task, _pid: None,
        ) -> None:
            self._name, self._on_start = order.name, on_start
            made.inputs.append(dict(order.variables))

        def wait(self, check: Callable[[], None]) -> Followed:
            made.happened.append(self._name)
            made.on_playbook(self._name)
            made.on_start(self._name, self._on_start)
            check()
            code = made.exit_codes.get(self._name, 0)
            return Followed(code, "" if code == 0 else made.reasons.get(self._name, "the stage says so"))

    class NoWatch:
        def __init__(self, *_: object) -> None: ...

        def start(self) -> None: ...

        def stop(self) -> None: ...

    monkeypatch.setattr("drills.drill.Following", PlayedFollowing)
    monkeypatch.setattr("drills.heal.Following", PlayedFollowing)
    monkeypatch.setattr("drills.perform.LeadershipWatch", NoWatch)
    monkeypatch.setattr("drills.perform.live_release", lambda _: made.live)
    monkeypatch.setattr("drills.drill.read_back", lambda *_: ReadBack(complete=True, because="", rows=[]))
    monkeypatch.setattr("drills.drill.PICTURE_SECONDS", 0.0)
    monkeypatch.setattr("drills.drill.READ_BACK_APART_SECONDS", 0.0)
    monkeypatch.setattr("drills.heal.STEADY_SECONDS", 0.0)
    return made
