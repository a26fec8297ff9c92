"""A small repository of runbooks, to be read as it is or spoilt."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

BOOK = Path(__file__).with_name("book")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A copy of the book that a test may spoil."""
    return Path(shutil.copytree(BOOK, tmp_path / "book"))


@pytest.fixture
def spoil(book: Path) -> Callable[[str, str, str], None]:
    """Replaces a text in a file of the book; the text must be there."""

    def replace(path: str, old: str, new: str) -> None:
        file = book / path
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{path} has no {old!r}"
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    return replace
