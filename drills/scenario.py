"""What a scenario is: a story told with a few verbs, and the promises by which it is judged."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from drills.errors import UsageError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from drills.faults import Fault
    from drills.judges import Judge
    from drills.probes import Probe
    from drills.site import Host
    from drills.workloads.workload import Workload


class Hosts(Protocol):
    """The site, as a story speaks of it."""

    def __getitem__(self, name: str) -> Host:
        """The host of this name or meaning: `db_primary` is whoever leads at this moment."""

    def group(self, name: str) -> tuple[Host, ...]:
        """Every host of a group of the inventory."""

    def release(self, name: str) -> str:
        """The digest of the release that the inventory's `drill_releases` has under this name."""

    @property
    def event(self) -> str:
        """The event whose seats this run's customers book."""


class Drill(Protocol):
    """The verbs of a story. Each is noted in the journal; a no that matters ends the story, which is never met then."""

    @property
    def site(self) -> Hosts:
        """The hosts."""

    def require(self, *probes: Probe) -> None:
        """The gate: go on only if every probe says yes; after the heal they are asked again."""

    def during(self, *workloads: Workload) -> AbstractContextManager[None]:
        """Customers use the system as long as the block lasts, and a second at least after its last runbook.

        Afterwards their writes are read back twice.
        """

    def steady(self, for_: timedelta) -> None:
        """The gate under load: go on only once every customer was served for so long."""

    def inject(self, fault: Fault) -> None:
        """Register the cure, then hurt; that it hurt is confirmed while the story goes on."""

    def detect(self, probe: Probe, *, within: timedelta) -> None:
        """Wait until the probe says yes, as monitoring would; the story ends if it never does."""

    def follow(self, runbook: str, **variables: object) -> None:
        """Run a runbook to its end; the story ends if it fails."""

    def expect_failure(self, runbook: str, *, saying: str, **variables: object) -> None:
        """Run a runbook that must refuse or give up; the story goes on only if its reason contains `saying`."""

    def interrupt(self, runbook: str, *, at: str, **variables: object) -> None:
        """Run a runbook and kill its controller as soon as the task `at` begins; what hosts do goes on.

        The story ends if that task never came.
        """

    def wait_for(self, probe: Probe, *, within: timedelta) -> None:
        """Wait until the probe says yes; the story ends if it never does."""

    def heal(self) -> None:
        """Undo the faults now, within the story. What the story leaves is healed after it in any case."""


Story = Callable[[Drill], None]


@dataclass(frozen=True)
class Scenario:
    """A story with its promises; `takes` is how long it is expected to last."""

    name: str
    title: str
    judges: tuple[Judge, ...]
    takes: timedelta
    story: Story


REGISTRY: dict[str, Scenario] = {}


def drill(*, judges: list[Judge], takes: timedelta = timedelta(minutes=1)) -> Callable[[Story], Story]:
    """Register a function as a scenario, under its own name and with its docstring's first line as title."""

    def register(story: Story) -> Story:
        title = (inspect.getdoc(story) or "").partition("\n")[0]
        REGISTRY[story.__name__] = Scenario(story.__name__, title, tuple(judges), takes, story)
        return story

    return register


def seconds(number: float) -> timedelta:
    """So many seconds."""
    return timedelta(seconds=number)


def minutes(number: float) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=number)


def scenarios() -> dict[str, Scenario]:
    """Every scenario in `drills/scenarios`, by its name."""
    package = importlib.import_module("drills.scenarios")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(REGISTRY.items()))


def scenario_named(name: str) -> Scenario:
    """The scenario of this name.

    Raises:
        UsageError: There is none; the hint names those that are close.
    """
    known = scenarios()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(known)}"
        raise UsageError(f"there is no scenario {name!r}", f"{hint} (drillbook list)")
    return known[name]


def promises(scenario: Scenario, overrides: dict[str, Any]) -> list[dict[str, Any]]:
    """The judges and their objectives, as the journal keeps them; `overrides` are the inventory's own objectives."""
    return [
        {"judge": judge.name, "objective": overrides.get(judge.name, judge.objective), "unit": judge.unit}
        for judge in scenario.judges
    ]
