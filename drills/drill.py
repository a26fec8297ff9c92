"""The loop of a drill: gate, story, heal, read back."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from drills.confirmation import Confirmations
from drills.cure import outstanding
from drills.errors import UsageError
from drills.faults import controller
from drills.faults.controller import ControllerKilled
from drills.faults.fault import FaultError
from drills.heal import apply_cures, heal
from drills.measurement import says
from drills.probes import Probe, Reading, View, accepts_bookings
from drills.probes.customers import Customers
from drills.runbook import Followed, Following, Order, Runbook, Task, check_saying, check_undoable, load_runbook
from drills.undo import undo_of, undone_by
from drills.workloads.bookings import Bookings
from drills.workloads.readback import read_back
from drills.workloads.workload import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import timedelta

    from drills.cure import Cure
    from drills.faults import Fault
    from drills.interruption import Interruption
    from drills.run import Run
    from drills.site import Site
    from drills.workloads.process import RunningWorkload
    from drills.workloads.workload import Workload

PROBE_EVERY_SECONDS = 0.05
STEADY_LIMIT_SECONDS = 10.0
PICTURE_SECONDS = 5.0
READ_BACK_SECONDS = 30.0
READ_BACK_APART_SECONDS = 2.0
STAY_SECONDS = 1.0


class StoryEndedError(Exception):
    """The story cannot go on; the journal says why, and the judges decide what it means."""


class LiveDrill:
    """A drill that really does what the story says; each verb is described in `drills.scenario.Drill`."""

    def __init__(self, run: Run, interruption: Interruption, variables: Mapping[str, Mapping[str, object]]) -> None:
        """`variables` are the operator's own for each runbook; they win over the story's."""
        self._run, self._interruption, self._variables = run, interruption, variables
        self._customers: Customers | None = None
        self._confirmations = Confirmations(run)
        self.gate: list[Probe] = []
        self.workloads: list[RunningWorkload] = []
        self.view = View(run.site, lambda: self._customers)

    @property
    def site(self) -> Site:
        """The hosts."""
        self._interruption.check()
        return self._run.site

    def require(self, *probes: Probe) -> None:
        """The gate: every probe says yes now, or nothing is touched."""
        self._interruption.check()
        self.gate += probes
        self._gate([(probe.name, probe.look(self.view)) for probe in probes])

    @contextmanager
    def during(self, *workloads: Workload) -> Iterator[None]:
        """Customers use the system within the block, and for a while after its last runbook.

        An orderly end reads their writes back.
        """
        for workload in workloads:
            self._start(workload)
        yield
        self._stay()
        self.stop_workloads()
        self.read_back()

    def steady(self, for_: timedelta) -> None:
        """Every customer was served for so long; ten seconds more are given to get there."""
        wanted = for_.total_seconds()
        probe = accepts_bookings(for_seconds=wanted)
        reading = self._look_until(probe, wanted + STEADY_LIMIT_SECONDS)
        self._gate([(f"accepts_bookings for {wanted:g} s under load", reading)])

    def inject(self, fault: Fault) -> None:
        """Register the cure, hurt, and have it confirmed while the story goes on."""
        self._interruption.check()
        name, host = type(fault).__name__, fault.host.name
        cure = fault.cure()
        self._register(cure)
        self._run.note("fault_started", fault=name, host=host, targets=list(fault.targets), cure=cure.cure)
        try:
            fault.inject()
        except (FaultError, UsageError) as error:
            self._run.note("fault_unconfirmed", fault=name, host=host, because=str(error))
            raise StoryEndedError(f"{name} could not be done") from error
        self._confirmations.begin(fault)

    def detect(self, probe: Probe, *, within: timedelta) -> None:
        """Wait until the probe says yes."""
        limit = within.total_seconds()
        reading = self._look_until(probe, limit)
        if not reading.ok:
            self._run.note("not_detected", probe=probe.name, because=reading.because, within_s=limit)
            raise StoryEndedError(f"{probe.name} was not seen within {limit:g} s: {reading.because}")
        self._run.note("detected", probe=probe.name, because=reading.because)

    def follow(self, runbook: str, **variables: object) -> None:
        """Register the runbook's undo, then run it to its end; a fault that did not bite ends the story first."""
        followed, undone = self._prepare(runbook, variables)
        ended = self._run_to_its_end(followed, variables)
        if ended.exit_code != 0:
            self._look_until(accepts_bookings(), PICTURE_SECONDS)
            raise StoryEndedError(f"{runbook} failed")
        self._note_undone(runbook, undone)

    def expect_failure(self, runbook: str, *, saying: str, **variables: object) -> None:
        """Register the runbook's undo, then run it; go on only if it fails as said."""
        check_saying(runbook, saying)
        followed, _ = self._prepare(runbook, variables)
        ended = self._run_to_its_end(followed, variables, saying)
        if ended.exit_code == 0 or not says(ended.because, saying):
            self._look_until(accepts_bookings(), PICTURE_SECONDS)
            raise StoryEndedError(f"{runbook} did not fail, saying {saying}")

    def interrupt(self, runbook: str, *, at: str, **variables: object) -> None:
        """Register the runbook's undo, run it, and kill its controller when the task begins."""
        check_undoable(load_runbook(runbook))
        followed, _ = self._prepare(runbook, variables)
        fault = ControllerKilled(runbook, at, lambda: self._note_kill("fault_started", targets=list(fault.targets)))
        ended = self._start_runbook(followed, variables, {"interrupted_at": at}, fault.begins).wait(
            self._interruption.check
        )
        seen = fault.confirm() if fault.came else None
        if seen is None or not seen.ok:
            self._note_end(runbook, ended)
            because = seen.because if seen else f"{runbook} ended with {ended.exit_code} before the task {at} began"
            self._note_kill("fault_unconfirmed", because=because)
            raise StoryEndedError(f"{runbook} was not interrupted")
        self._note_kill("fault_confirmed", because=seen.because)
        self._note_end(
            runbook, Followed(-signal.SIGKILL, f"its controller was killed at the task {at}"), interrupted=True
        )

    def wait_for(self, probe: Probe, *, within: timedelta) -> None:
        """Wait until the probe says yes."""
        limit = within.total_seconds()
        reading = self._look_until(probe, limit)
        self._run.note("waited", probe=probe.name, ok=reading.ok, because=reading.because, within_s=limit)
        if not reading.ok:
            raise StoryEndedError(f"{probe.name} still says no after {limit:g} s: {reading.because}")

    def heal(self) -> None:
        """Apply the cures of the faults; the others wait for the end of the story."""
        self.await_confirmations()
        cures = [cure for cure in outstanding(self._run.entries) if cure.of_fault]
        if failed := apply_cures(self._run, cures, self._interruption.check):
            raise StoryEndedError("; ".join(failed))

    def await_confirmations(self) -> None:
        """Go on only if every fault is known to have bitten: a drill without harm proves nothing.

        Raises:
            StoryEndedError: One did not bite.
        """
        while not self._confirmations.done:
            self._interruption.nap()
        if self._run.has("fault_unconfirmed"):
            raise StoryEndedError("a fault did not take")

    def heal_all(self) -> bool:
        """Undo everything that is left, and look whether the system is as before."""
        self._confirmations.wait()
        # the customers' luck belongs to the story; the heal asks the service itself
        self._customers = None
        return heal(self._run, self.gate, self.view, check=lambda: None)

    def stop_workloads(self) -> None:
        """End the customers' processes, as many as run."""
        running, self.workloads, self._customers = self.workloads, [], None
        for one in running:
            self._run.note("workload_ended", exit_code=one.stop())

    def read_back(self) -> None:
        """Read every booking of the run back, twice, some seconds apart; noted, never raised."""
        url = str(self._run.site.variables.get("bookings_url", ""))
        for number in (1, 2):
            began = time.monotonic()
            read = read_back(url, self._run.id, READ_BACK_SECONDS)
            self._run.note("read_back", round=number, **read._asdict())
            if number == 1:
                self._nap_until(began + READ_BACK_APART_SECONDS)

    def _stay(self) -> None:
        """What a runbook leaves at its end is seen as well; nobody could speak for it if the watch ended with it."""
        if last := [entry.t for entry in self._run.entries if entry.kind == "runbook_ended"]:
            self._nap_until(self._run.anchor + last[-1] + STAY_SECONDS)

    def _start(self, workload: Workload) -> None:
        self._interruption.check()
        run = self._run
        try:
            running = workload.start(Setting(run.folder, run.id, run.site.variables, run.anchor, os.environ))
        except UsageError as error:
            self._run.note("gate", probe=f"{workload.NAME} can start", ok=False, because=error.message)
            raise StoryEndedError("the customers could not begin") from error
        self.workloads.append(running)
        self._run.note(
            "workload_started",
            workload=workload.NAME,
            per_second=workload.per_second,
            interval_s=workload.interval_s,
            timeout_s=workload.timeout_s,
            pid=running.pid,
        )
        if workload.NAME == Bookings.NAME:
            self._customers = Customers(self._run.folder, self._run.anchor)

    def _gate(self, readings: list[tuple[str, Reading]]) -> None:
        for name, reading in readings:
            self._run.note("gate", probe=name, ok=reading.ok, because=reading.because)
        if not all(reading.ok for _, reading in readings):
            raise StoryEndedError("the gate is closed")

    def _look_until(self, probe: Probe, limit: float) -> Reading:
        until = time.monotonic() + limit
        while not (reading := probe.look(self.view)).ok and time.monotonic() < until:
            self._interruption.nap(PROBE_EVERY_SECONDS)
        return reading

    def _prepare(self, runbook: str, variables: Mapping[str, object]) -> tuple[Runbook, list[Cure]]:
        """Have the runbook's undo on the disk.

        Returns:
            The runbook, and the cures that are done when it succeeds. It needs no undo of its own where it is one
            itself: what was before the drill is what that cure restores.
        """
        self.await_confirmations()
        followed, given = load_runbook(runbook), self._inputs(runbook, variables)
        waiting = outstanding(self._run.entries)
        undone = undone_by(followed, given, waiting)
        undo = None if undone else undo_of(followed, given, waiting, self._run.site.fact)
        if undo is not None:
            self._register(undo)
        return followed, undone

    def _inputs(self, runbook: str, variables: Mapping[str, object]) -> dict[str, object]:
        """The story's variables and the operator's own, which win."""
        return {**variables, **self._variables.get(runbook, {})}

    def _register(self, cure: Cure) -> None:
        """Note the cure; one that is outstanding already would undo more than a newer one of its name."""
        if cure.cure not in {known.cure for known in outstanding(self._run.entries)}:
            self._run.note("cure_registered", **cure.as_data())

    def _run_to_its_end(
        self, followed: Runbook, variables: Mapping[str, object], must_fail: str | None = None
    ) -> Followed:
        meant = {} if must_fail is None else {"must_fail": must_fail}
        ended = self._start_runbook(followed, variables, meant).wait(self._interruption.check)
        self._note_end(followed.name, ended)
        return ended

    def _start_runbook(
        self,
        followed: Runbook,
        variables: Mapping[str, object],
        meant: Mapping[str, Any],
        on_start: Callable[[str, int], None] = lambda _task, _pid: None,
    ) -> Following:
        """Note that it starts and what it is meant to come to, and start it."""
        name, run = followed.name, self._run
        inputs = self._inputs(name, variables)
        order = Order(name, followed.playbook, run.site.inventory, inputs)
        run.note(
            "runbook_started", runbook=name, playbook=followed.path, variables=inputs, command=order.command, **meant
        )
        return Following(order, run.id, run.folder / "runner", lambda task: self._note_task(name, task), on_start)

    def _note_end(self, runbook: str, ended: Followed, **how: bool) -> None:
        self._run.note("runbook_ended", runbook=runbook, exit_code=ended.exit_code, because=ended.because, **how)

    def _note_kill(self, kind: str, **data: Any) -> None:  # noqa: ANN401  # JSON values
        self._run.note(kind, fault=controller.NAME, host=controller.HOST, **data)

    def _note_task(self, runbook: str, task: Task) -> None:
        anchor = self._run.anchor
        fields = {**vars(task), "started": task.started - anchor, "ended": task.ended - anchor}
        if not task.checks:
            del fields["checks"]
        self._run.note("task", runbook=runbook, **fields)

    def _note_undone(self, runbook: str, undone: list[Cure]) -> None:
        """A runbook that the story followed and that undoes an earlier one need not be followed again."""
        for cure in undone:
            self._run.note("cure_applied", cure=cure.cure, exit_code=0, because=f"the story followed {runbook}")

    def _nap_until(self, moment: float) -> None:
        while (left := moment - time.monotonic()) > 0:
            self._interruption.nap(min(left, PROBE_EVERY_SECONDS))
