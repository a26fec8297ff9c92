"""The commands about the pages that people read: runbooks render and runbooks check."""

from __future__ import annotations

import click

from drills import checkout


@click.group("runbooks")
def runbooks_group() -> None:
    """The pages that are generated from the playbooks."""


@runbooks_group.command("render")
def render_command() -> None:
    """Write every page anew."""
    from drills.pages import render_all  # noqa: PLC0415  # only these two commands need it

    for path in render_all(checkout.ROOT):
        click.echo(checkout.relative(path))


@runbooks_group.command("check")
@click.pass_context
def check_command(context: click.Context) -> None:
    """Exit with 1 when a page differs from its playbook."""
    from drills.pages import check_all  # noqa: PLC0415  # only these two commands need it

    findings = check_all(checkout.ROOT)
    for finding in findings:
        click.echo(str(finding))
    context.exit(1 if findings else 0)
