"""What a page is made of: phases, their numbered steps, and the lines of a step."""

import re
from dataclasses import dataclass, field

from drills.pages.source import Typed


def anchor(heading: str) -> str:
    """What a link to `heading` says after `#` on GitHub: lower case, no punctuation, a dash for each blank."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@dataclass(frozen=True)
class Place:
    """Where on the page something stands: what is written beside it, the link to its heading, what it is called.

    `conditional`: whether it, or what it stands in, is only done under a condition, after a failure or for some things.
    """

    label: str
    link: str
    name: str
    conditional: bool


@dataclass(frozen=True)
class Line:
    """One line of a step: what it is called, where it happens, what is typed, what proves it, what it holds.

    `refuses`: whether it is there to stop a person. Not printed are `given`, the variables that what it holds is given,
    and `meant`, what names on this line stand for, by (name, definition): lines that are equal read and mean the same.
    `label` is how others refer to what it holds; `same` is where that stands if it was printed before.
    """

    name: str
    source: str = ""
    link: str = ""
    where: str = ""
    kind: str = "action"
    refuses: bool = False
    usually: str = ""
    why: str = ""
    only_when: str = ""
    conditions: tuple[str, ...] = ()
    commands: tuple[Typed, ...] = ()
    ends: tuple[str, ...] = ()
    proofs: tuple[Typed, ...] = ()
    inside: tuple["Line", ...] = ()
    given: str = field(default="", repr=False)
    meant: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)
    label: str = ""
    same: Place | None = None

    @property
    def holds_steps(self) -> bool:
        """Whether it is a block or an include, whose steps it holds."""
        return any(line.kind != "heading" for line in self.inside)

    @property
    def texts(self) -> tuple[str, ...]:
        """What is printed of it, without what it holds."""
        typed = (text for each in (*self.commands, *self.proofs) for text in (each.where, each.text))
        told = (self.name, self.where, self.why, self.only_when, *self.conditions, *typed, *self.ends)
        return tuple(filter(None, told))


@dataclass(frozen=True)
class Step:
    """A numbered step of a phase."""

    number: str
    line: Line

    @property
    def heading(self) -> str:
        """What stands above it."""
        return f"{self.number} {self.line.name}"

    @property
    def link(self) -> str:
        """Where to jump to."""
        return f"#{anchor(self.heading)}"


@dataclass(frozen=True)
class Phase:
    """A play: its name, what runs where, its steps."""

    number: int
    name: str
    where: str
    why: str
    below: str
    manner: tuple[str, ...]
    imported: str
    steps: tuple[Step, ...]

    @property
    def heading(self) -> str:
        """What stands above it."""
        return f"{self.number}. {self.name}"

    @property
    def link(self) -> str:
        """Where to jump to."""
        return f"#{anchor(self.heading)}"
