"""The commands that look and change nothing: list, plan and doctor."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from drills.cli.options import console, inventory_option, json_option, open_site
from drills.doctor import examine_controller, examine_site, worst
from drills.errors import UsageError
from drills.perform import leader
from drills.plan import Plan, plan
from drills.scenario import scenario_named, scenarios

if TYPE_CHECKING:
    from drills.site import Host, Site

_STYLES = {"good": "green", "warning": "yellow", "bad": "bold red"}


@click.command("list")
@click.option("--names", is_flag=True, help="Print the names alone, one a line.")
@json_option
def list_command(*, names: bool, as_json: bool) -> None:
    """List the scenarios."""
    known = scenarios()
    if names:
        click.echo("\n".join(known))
        return
    if as_json:
        click.echo(json.dumps([{"scenario": one.name, "title": one.title} for one in known.values()]))
        return
    table = Table.grid(padding=(0, 2))
    for one in known.values():
        table.add_row(Text(one.name, "bold"), one.title)
    console().print(table)


@click.command("plan")
@click.argument("scenario")
@inventory_option
@json_option
def plan_command(*, scenario: str, inventory: str, as_json: bool) -> None:
    """Show what SCENARIO would hit, run and undo; nothing is changed."""
    told, site = scenario_named(scenario), open_site(inventory)
    site.meanings["db_primary"] = lambda: _leader(site)
    planned = plan(told, site)
    if as_json:
        click.echo(json.dumps(planned.document()))
    else:
        _show(planned)


@click.command("doctor")
@inventory_option
@json_option
@click.pass_context
def doctor_command(context: click.Context, *, inventory: str, as_json: bool) -> None:
    """Look whether this machine and the hosts are fit for a drill. Exit code 1 when something is bad."""
    checks = [*examine_controller(), *examine_site(open_site(inventory))]
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks]))
    else:
        table = Table.grid(padding=(0, 2))
        for check in checks:
            table.add_row(Text(check.finding, _STYLES[check.finding]), check.subject, Text(check.because), check.hint)
        console().print(table)
    context.exit(1 if worst(checks) == "bad" else 0)


def _leader(site: Site) -> Host:
    found, because = leader(site)
    if found is None:
        raise UsageError(because, "drillbook doctor; in the lab: drillbook lab up")
    return found


def _show(planned: Plan) -> None:
    out = console()
    out.print(Text(f"{planned.scenario} on {planned.environment}: {planned.title}", "bold"))
    for name, because in planned.unresolved.items():
        out.print(Text(f"{name} is not known now: {because}", "yellow"))
    table = Table.grid(padding=(0, 2))
    for number, step in enumerate(planned.steps, start=1):
        table.add_row(str(number), Text(step.step, "bold"), Text(step.what), step.playbook or "")
    out.print(table)
    out.print(Text(f"hosts hit:  {', '.join(planned.hosts) or 'none'}", "bold red"))
    for cure in planned.cures:
        out.print(Text(f"cure:       {cure['undoes']} by {cure['playbook']} on {cure['limit']}"))
    out.print(Text(f"playbooks:  {', '.join(planned.playbooks)}"))
    for promise in planned.objectives:
        figure = "" if promise["objective"] is None else f" {promise['objective']:g} {promise['unit'] or ''}"
        out.print(Text(f"promise:    {promise['judge']}{figure}"))
    out.print(Text(f"takes:      about {planned.expected_s:g} s ({planned.expected_from})"))
