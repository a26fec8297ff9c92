"""The commands that only read a run: judge and report; and what `run` prints at its end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from drills.cli.options import console, find_run, json_option
from drills.journal import read_journal
from drills.judges.verdict import Summary, exit_code, summarize

if TYPE_CHECKING:
    from pathlib import Path

_STYLES = {"met": "bold green", "missed": "bold red", "unknown": "bold yellow", "void": "bold yellow"}


@click.command("judge")
@click.argument("run")
@json_option
@click.pass_context
def judge_command(context: click.Context, *, run: str, as_json: bool) -> None:
    """Judge RUN again from its journal alone; no host is needed. Exit codes as of `run`."""
    folder = find_run(run)
    summary = summarize(read_journal(folder))
    show(summary, folder, as_json=as_json)
    context.exit(exit_code(summary))


@click.command("report")
@click.argument("run")
@json_option
def report_command(*, run: str, as_json: bool) -> None:
    """Write the report of RUN anew: report.md, report.html, summary.json and junit.xml in its folder."""
    folder = find_run(run)
    summary = write_report(folder)
    if as_json:
        click.echo(json.dumps(summary.document(folder)))
    else:
        click.echo(f"{folder / 'report.md'}\n{folder / 'report.html'}")


def conclude(folder: Path, *, as_json: bool, quiet: bool = False) -> int:
    """Judge a run, write its report, print the verdict.

    Returns:
        The exit code of the command.
    """
    summary = write_report(folder)
    if not quiet:
        show(summary, folder, as_json=as_json)
    return exit_code(summary)


def write_report(folder: Path) -> Summary:
    """Judge a run and write its report."""
    from drills.report import render  # noqa: PLC0415  # it brings a plotting library with it

    journal = read_journal(folder)
    summary = summarize(journal)
    render(journal, summary, folder)
    return summary


def show(summary: Summary, folder: Path, *, as_json: bool) -> None:
    """Print a verdict, for people or as one JSON document."""
    if as_json:
        click.echo(json.dumps(summary.document(folder)))
        return
    out = console()
    verdict = summary.verdict.value
    out.print(
        Text.assemble(
            f"\n{summary.scenario} on {summary.environment}: ",
            (verdict, _STYLES[verdict]),
            f" ({summary.status.value}, {summary.heal.value})",
        )
    )
    table = Table.grid(padding=(0, 2))
    for judgement in summary.judgements:
        outcome = judgement.outcome.value
        table.add_row(Text(outcome, _STYLES[outcome]), judgement.judge, Text(judgement.because))
    out.print(table)
    for why in summary.reasons:
        out.print(Text(f"because {why}"))
    out.print(Text(f"report: {folder / 'report.md'}"))
