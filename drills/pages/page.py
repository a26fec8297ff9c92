"""Writes the page that on-call reads: a playbook, its meta and its role verbs as one Markdown procedure."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from drills.pages.filling import Glossary
from drills.pages.meta import FACTS, Meta, sentences
from drills.pages.playbook import Runbook, read_runbook
from drills.pages.repeats import once
from drills.pages.results import explained, results
from drills.pages.speech import UNSAYABLE
from drills.pages.steps import Timings, Writer

_STEPS_AT_A_GLANCE = 10
"""A page with more steps begins with a table of them."""


def render_page(playbook: Path, roles: Path, timings: Timings | None = None) -> str:
    """The Markdown page of one playbook; its roles stand in `roles`, the folder above which is the repository.

    UsageError with file:line when the playbook, its meta or a role cannot be read.
    """
    return render_runbook(read_runbook(playbook, roles), timings)


def render_runbook(runbook: Runbook, timings: Timings | None = None) -> str:
    """The Markdown page of a runbook that was read already."""
    meta = runbook.meta
    registered, facts = results(runbook)
    options = {name: _meaning(option) for name, option in meta.options.items()}
    glossary = Glossary(options, runbook.meanings, facts, explained(runbook))
    writer = Writer(timings or {}, glossary, registered)
    phases = once([writer.phase(number, play) for number, play in enumerate(runbook.plays, 1)])
    written = f"{phases}"
    placeholders = {name: told for name, told in glossary.used.items() if f"<{name}>" in written}
    return _template("page.md.j2").render(
        runbook=runbook,
        meta=meta,
        facts=FACTS,
        options=_inputs(meta),
        stops=writer.stops,
        phases=phases,
        is_long=sum(len(phase.steps) for phase in phases) > _STEPS_AT_A_GLANCE,
        placeholders=dict(sorted(placeholders.items())),
    )


def render_index(runbooks: Iterable[Runbook]) -> str:
    """The table of all runbooks."""
    return _template("index.md.j2").render(runbooks=sorted(runbooks, key=lambda each: each.name))


def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("drills.pages", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 Markdown, not HTML
    )
    environment.filters["prose"] = _prose
    environment.filters["nested"] = lambda text: re.sub(r"(?m)^(?=.)", "  ", text)
    environment.filters["cell"] = lambda value: " ".join(str(value).split()).replace("|", "\\|")
    return environment.get_template(name)


def _prose(text: str) -> str:
    """`text` with its placeholders as code: Markdown would take a bare `<word>` for HTML and hide it."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"<([^<>]+)>", r"`<\1>`", part.replace(UNSAYABLE, "…")) for part in parts[::2]]
    return "`".join(parts)


def _inputs(meta: Meta) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            name,
            str(option.get("type", "str")),
            "yes" if option.get("required") else "no",
            f"`{_shown(option['default'])}`" if "default" in option else "",
            _meaning({**option, "default": None}),
        )
        for name, option in meta.options.items()
    ]


def _meaning(option: Mapping[str, Any]) -> str:
    text = " ".join(sentences(option.get("description")))
    if choices := option.get("choices"):
        text += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    if option.get("default") not in (None, ""):
        text += f" Unless you say otherwise: `{_shown(option['default'])}`."
    return text.strip()


def _shown(value: object) -> str:
    """A value as one types it after `-e name=`."""
    return str(value).lower() if isinstance(value, bool) else str(value) or '""'
