"""Undoes what a drill did: the cures of its faults, then those of its runbooks, then a look at the whole."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from drills import checkout
from drills.cure import outstanding, registered
from drills.runbook import Followed, Following, Order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drills.cure import Cure
    from drills.probes import Probe, View
    from drills.run import Run

STEADY_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.5


def heal(run: Run, probes: Sequence[Probe], view: View, *, check: Callable[[], None]) -> bool:
    """Apply every cure that is not applied yet, once; then wait until the gate's probes all say yes.

    Args:
        run: The run, whose journal says what was registered and what was applied.
        probes: What the scenario required before it hurt.
        view: What the probes may look at.
        check: Called while a cure is under way.

    Returns:
        Whether everything is as before; the journal says why not.
    """
    if not registered(run.entries):
        run.note("heal_ended", heal="nothing_to_heal", because="nothing was touched")
        return True
    failed = apply_cures(run, outstanding(run.entries), check)
    unsteady = _unsteady(probes, view) if not failed else []
    problems = [*failed, *unsteady]
    seen = "and the gate's probes say yes again" if probes else "and nothing was looked at afterwards"
    because = "; ".join(problems) or f"every cure was applied, {seen}"
    run.note("heal_ended", heal="failed" if problems else "healed", because=because)
    return not problems


def apply_cures(run: Run, cures: Sequence[Cure], check: Callable[[], None]) -> list[str]:
    """Apply these cures in order; one that fails does not stop the others.

    Returns:
        What failed, and why.
    """
    if not run.has("heal_started"):
        run.note("heal_started")
    failed = []
    for cure in cures:
        ended = _apply(run, cure, check)
        run.note("cure_applied", cure=cure.cure, exit_code=ended.exit_code, because=ended.because)
        if ended.exit_code != 0:
            failed.append(f"the cure {cure.cure} ended with exit code {ended.exit_code}: {ended.because}")
    return failed


def _apply(run: Run, cure: Cure, check: Callable[[], None]) -> Followed:
    playbook = checkout.ROOT / cure.playbook
    if not playbook.is_file():
        return Followed(1, f"there is no {cure.playbook}")
    order = Order(f"cure-{playbook.stem}", playbook, run.site.inventory, variables=cure.variables, limit=cure.limit)
    return Following(order, run.id, run.folder / "runner", lambda _: None).wait(check)


def _unsteady(probes: Sequence[Probe], view: View) -> list[str]:
    """The probes that still say no after a minute, and why."""
    until = time.monotonic() + STEADY_SECONDS
    while True:
        readings = [(probe.name, probe.look(view)) for probe in probes]
        noes = [f"{name} still says no: {reading.because}" for name, reading in readings if not reading.ok]
        if not noes or time.monotonic() >= until:
            return noes
        time.sleep(_LOOK_EVERY_SECONDS)
