"""Reports: a journal and its summary as Markdown, HTML, JSON and JUnit; renders, computes nothing."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from drills.report.chart import draw
from drills.report.junit import junit
from drills.report.page import html_page, markdown_page
from drills.report.sections import sections

if TYPE_CHECKING:
    from pathlib import Path

    from drills.journal import Journal
    from drills.judges.verdict import Summary

__all__ = ["render"]


def render(journal: Journal, summary: Summary, run_dir: Path) -> tuple[Path, ...]:
    """Write summary.json, junit.xml, report.md and report.html into the run's folder, each one whole.

    Returns:
        The paths that were written, the machine's first.

    Raises:
        OSError: The folder cannot be written to.
    """
    document = summary.document(run_dir)
    told = sections(journal, summary)
    # the summary comes first: if drawing should fail, the verdict is on the disk
    written = [
        _write(run_dir / "summary.json", json.dumps(document, indent=2, ensure_ascii=False) + "\n"),
        _write(run_dir / "junit.xml", junit(summary)),
        _write(run_dir / "report.md", markdown_page(journal, summary, told)),
    ]
    written.append(_write(run_dir / "report.html", html_page(journal, summary, told, draw(journal, summary))))
    return tuple(written)


def _write(path: Path, text: str) -> Path:
    """Put the file there in one go: a reader sees the old text or the new one, never a half."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return path
