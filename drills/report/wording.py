"""The journal's texts, fit to stand on a page."""

from __future__ import annotations

import re

_CONTROL = re.compile("\x1b\\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_MARKUP = re.compile(r"[\\`*|\[\]]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def plain(text: str) -> str:
    """The text without the control codes that terminals understand and pages do not."""
    return _CONTROL.sub("", text)


def cell(text: str) -> str:
    """The text as one cell of a Markdown table."""
    escaped = _MARKUP.sub(r"\\\g<0>", plain(text)).replace("&", "&amp;").replace("<", "&lt;")
    return " ".join(escaped.split())
