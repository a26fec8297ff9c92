"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console

from drills import checkout
from drills.errors import UsageError
from drills.site import Site, read_site

if TYPE_CHECKING:
    from collections.abc import Callable

    AnyCallable = TypeVar("AnyCallable", bound=Callable[..., Any])

_WIDE = 1000

inventory_option = click.option(
    "-i", "--inventory", default="inventories/lab", show_default=True, help="The hosts: an Ansible inventory."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
variables_option = click.option(
    "-e", "variables", multiple=True, metavar="KEY=VALUE", help="A variable for the runbooks; may be given again."
)


def console() -> Console:
    """Standard output; where it is no terminal, lines are not broken to fit one."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=_WIDE)


def open_site(inventory: str) -> Site:
    """The site of an inventory, by a path from here or from the repository's root.

    Raises:
        UsageError: It is missing or cannot be read.
    """
    path = Path(inventory)
    if not path.exists() and not path.is_absolute() and (checkout.ROOT / path).exists():
        path = checkout.ROOT / path
    return read_site(path, checkout.cache())


def split_variables(given: tuple[str, ...]) -> dict[str, str]:
    """The operator's variables by name.

    Raises:
        UsageError: One is not of the form name=value.
    """
    pairs = [one.partition("=") for one in given]
    for (name, equals, _), one in zip(pairs, given, strict=True):
        if not equals or not name.isidentifier():
            raise UsageError(f"-e {one!r} is not of the form name=value", "such as -e db_failover_graceful=true")
    return {name: value for name, _, value in pairs}


def find_run(name: str) -> Path:
    """The folder of a run, by its path or its name.

    Raises:
        UsageError: There is no such run; the hint names those that are close.
    """
    for folder in (Path(name), checkout.home() / name):
        if folder.is_dir():
            return folder
    known = [folder.name for folder in sorted(checkout.home().glob("*-*/"))]
    close = difflib.get_close_matches(Path(name).name, known, n=3, cutoff=0.4) or known[-3:]
    hint = f"the closest: {', '.join(close)}" if close else "there is no run yet: drillbook run db_failover"
    raise UsageError(f"there is no run {name!r} in {checkout.home()}", hint)
