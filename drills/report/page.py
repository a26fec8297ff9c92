"""The pages: templates filled with sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from drills.report.sections import error_of, seconds
from drills.report.wording import cell, plain

if TYPE_CHECKING:
    from drills.journal import Journal
    from drills.judges.verdict import Summary
    from drills.report.sections import Section


def markdown_page(journal: Journal, summary: Summary, told: tuple[Section, ...]) -> str:
    """The report as Markdown; no text of the journal can break its tables."""
    return _fill("report.md.j2", journal, summary, told)


def html_page(journal: Journal, summary: Summary, told: tuple[Section, ...], chart: str) -> str:
    """The report as one HTML file that refers to nothing outside of itself."""
    return _fill("report.html.j2", journal, summary, told, chart=Markup(chart))  # noqa: S704  # our own drawing


def _fill(
    template: str, journal: Journal, summary: Summary, told: tuple[Section, ...], chart: str | None = None
) -> str:
    pages = Environment(
        loader=PackageLoader("drills.report"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    pages.filters.update(cell=cell, plain=plain)
    return pages.get_template(template).render(
        opened=journal.opened.data,
        summary=summary,
        headline=_headline(summary),
        sections=told,
        chart=chart,
    )


def _headline(summary: Summary) -> str:
    """The figure that everybody asks for first."""
    recovery = summary.measurement.durations["recovery_s"]
    writes = summary.measurement.writes
    served = (
        "The customers' recovery was not seen"
        if recovery is None
        else f"Customers were served again after {seconds(recovery)} ({error_of(summary)})"
    )
    lost = "it is not known whether writes were lost" if writes.lost is None else f"{writes.lost} writes were lost"
    return f"{served}; {lost}."
