"""The commands that touch the site: run, and heal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from drills.cli.options import (
    find_run,
    inventory_option,
    json_option,
    open_site,
    split_variables,
    variables_option,
)
from drills.cli.verdicts import conclude
from drills.errors import UsageError
from drills.interruption import Interruption
from drills.live import screen
from drills.lock import LockedError, environment_lock
from drills.perform import Performance, perform
from drills.plan import PlannedDrill, rehearse
from drills.preflight import preflight
from drills.run import open_run
from drills.scenario import Scenario, scenario_named
from drills.unfinished import environment_of, heal_unfinished, unfinished_runs

if TYPE_CHECKING:
    from pathlib import Path

    from drills.live import Screen
    from drills.site import Site

EXIT_REFUSED = 3
EXIT_UNHEALED = 4


class RefusedError(Exception):
    """A guard said no; nothing was touched. Carries the hint as well."""

    def __init__(self, because: str, hint: str) -> None:
        super().__init__(because)
        self.because, self.hint = because, hint


@click.command("run")
@click.argument("scenario")
@inventory_option
@variables_option
@json_option
@click.option("--operator", help="Who drills; the login name if not given.")
@click.pass_context
def run_command(  # noqa: PLR0913  # one for each option
    context: click.Context,
    *,
    scenario: str,
    inventory: str,
    variables: tuple[str, ...],
    as_json: bool,
    operator: str | None,
) -> None:
    """Break the site as SCENARIO says, let the runbooks repair it, heal, and judge.

    Exit code: 0 met, 1 missed, 2 unknown or void, 3 refused or aborted, 4 healing failed, 64 wrong input.
    """
    told = scenario_named(scenario)
    given = split_variables(variables)
    site = open_site(inventory)
    try:
        _guard(site)
        with environment_lock(site.environment, f"the drill {scenario}"):
            folder, ended = _run(told, site, given, operator)
    except (RefusedError, LockedError) as error:
        _refuse(told, site, error, as_json=as_json)
        context.exit(EXIT_REFUSED)
    if ended.crash is not None and not _touched(folder):
        raise ended.crash
    context.exit(conclude(folder, as_json=as_json))


@click.command("heal")
@click.argument("run", required=False)
@json_option
@click.pass_context
def heal_command(context: click.Context, *, run: str | None, as_json: bool) -> None:
    """Undo what a drill left behind that was killed: RUN, or every run that was not healed."""
    folders = [find_run(run)] if run else unfinished_runs()
    outcomes = {folder.name: _heal(folder) for folder in folders}
    if as_json:
        click.echo(json.dumps({"healed": outcomes}))
    elif not outcomes:
        click.echo("nothing to heal: every run was healed")
    for name, healed in outcomes.items() if not as_json else ():
        click.echo(f"{name}: {'healed' if healed else 'HEALING FAILED, a fault is still in place'}")
    context.exit(0 if all(outcomes.values()) else EXIT_UNHEALED)


def _guard(site: Site) -> None:
    if not site.drills_allowed:
        raise RefusedError(
            f"{site.inventory} does not say drills_allowed: true for every host",
            "drills break hosts on purpose; name another inventory with -i, or set drills_allowed: true there",
        )
    for run in unfinished_runs():
        if environment_of(run)[0] == site.environment:
            raise RefusedError(f"the run {run.name} was not healed", f"drillbook heal {run.name}")


def _run(told: Scenario, site: Site, given: dict[str, str], operator: str | None) -> tuple[Path, Performance]:
    rehearsal = _rehearse(told, site)
    with screen() as shown, Interruption(shown.say) as interruption:
        shown.say(f"{told.name} on {site.environment}: {told.title}")
        inputs = preflight(site, rehearsal, given)
        interruption.check()
        run = open_run(told, site, operator, [shown.show])
        shown.follow(run)
        ended = perform(told, run, interruption, inputs)
        run.journal.close()
        site.close()
    return run.folder, ended


def _rehearse(told: Scenario, site: Site) -> PlannedDrill:
    """The story, written down without a look at any host."""

    def nobody_looked() -> Any:  # noqa: ANN401  # it never returns
        raise UsageError("nobody has looked yet", "drillbook plan")

    site.meanings["db_primary"] = nobody_looked
    return rehearse(told, site)


def _touched(folder: Path) -> bool:
    """Whether the run did anything but look."""
    text = (folder / "journal.jsonl").read_text()
    return '"kind": "cure_registered"' in text or '"kind": "runbook_started"' in text


def _refuse(told: Scenario, site: Site, error: RefusedError | LockedError, *, as_json: bool) -> None:
    hint = error.hint if isinstance(error, RefusedError) else "wait for its end, or end it; then run again"
    click.echo(f"error: refused: {error}\nHINT: {hint}", err=True)
    if as_json:
        document = {
            "scenario": told.name,
            "environment": site.environment,
            "status": "refused",
            "verdict": "void",
            "heal": "nothing_to_heal",
            "reasons": [str(error)],
        }
        click.echo(json.dumps(document))


def _heal(folder: Path) -> bool:
    environment, inventory = environment_of(folder)
    site = open_site(inventory)
    shown: Screen
    try:
        with (
            environment_lock(environment, f"healing {folder.name}"),
            screen() as shown,
            Interruption(shown.say) as calm,
        ):
            calm.healing = True
            healed = heal_unfinished(folder, site, shown.show, shown.say)
    except LockedError as error:
        raise UsageError(str(error), "a drill that runs heals itself; wait for its end") from error
    site.close()
    conclude(folder, as_json=False, quiet=True)
    return healed
