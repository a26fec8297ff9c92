"""Reads the YAML that runbooks are made of, and remembers on which line everything stood."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from drills.errors import UsageError

_KEYWORD = re.compile(r"(?P<keyword>By hand|Proof|Only when|Stop if|Below)(?: \((?P<where>[^)]+)\))?: *(?P<text>.*)")
_BELOW = re.compile(r"<?(?P<name>[\w.]+)>? (?:is|are) (?P<words>.+)")


class Located(dict[str, Any]):
    """A YAML mapping that knows the line (from 1) of its first key, the line Ansible calls the task's own."""

    line: int = 0


@dataclass(frozen=True)
class Typed:
    """What a person types or reads: the text, and where, if it is not the task's own host."""

    text: str
    where: str = ""


@dataclass(frozen=True)
class Remarks:
    """What the comment lines directly above a task, block or play say.

    `only_when` and `stop_if` are conditions in words; `below` are sentences (`<colour> is …`, `group are …`) on what
    comes later.
    """

    why: str = ""
    by_hand: tuple[Typed, ...] = ()
    proofs: tuple[Typed, ...] = ()
    only_when: str = ""
    stop_if: str = ""
    below: tuple[str, ...] = ()

    @property
    def told(self) -> dict[str, str]:
        """What `# Below:` says of each name."""
        matches = filter(None, map(_BELOW.fullmatch, self.below))
        return {match["name"].lstrip("_"): match["words"].rstrip(".") for match in matches}

    @property
    def nothing_to_type(self) -> bool:
        """Whether the author says why a person needs no command here."""
        return any(typed.text.lower().startswith("nothing, because") for typed in self.by_hand)

    @property
    def proven(self) -> bool:
        """Whether the author says what proves this change, or why nothing does; a bare "none" says neither."""
        texts = (typed.text.lower() for typed in self.proofs)
        return any(not text.startswith("none") or text.startswith("none, because") for text in texts)


class _Loader(yaml.SafeLoader):
    """Accepts Ansible's own tags (!vault, !unsafe) and keeps line numbers; constructs plain data only."""


def _located(loader: _Loader, node: yaml.MappingNode) -> Iterator[Located]:
    mapping = Located()
    mapping.line = node.start_mark.line + 1
    yield mapping
    mapping.update({str(key): value for key, value in loader.construct_mapping(node).items()})


def _tagged(_loader: _Loader, suffix: str, node: yaml.Node) -> str:
    return "" if suffix == "vault" else str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:map", _located)
_Loader.add_multi_constructor("!", _tagged)


@dataclass(frozen=True)
class Source:
    """One YAML file: its path as pages print it (from the repository's root), its lines and its data."""

    path: str
    lines: tuple[str, ...]
    data: Any

    def remarks_above(self, line: int) -> Remarks:
        """What the unbroken run of comment lines above `line` (from 1) says."""
        first = line - 1
        while first > 0 and self.lines[first - 1].lstrip().startswith("#"):
            first -= 1
        comments = [text.lstrip()[1:].removeprefix(" ") for text in self.lines[first : line - 1]]
        return _remarks(comments)

    def mappings(self, data: Any, what: str) -> list[Located]:  # noqa: ANN401 YAML may hold anything here
        """`data` as a list of mappings; UsageError names this file when it is anything else."""
        entries = [] if data is None else data
        if isinstance(entries, list) and all(isinstance(entry, Located) for entry in entries):
            return entries
        raise UsageError(
            f"{self.path}:1: {what} must be a list of mappings, found {type(entries).__name__}",
            f"see what Ansible says: ansible-playbook --syntax-check {self.path}",
        )


def read_source(file: Path, repo: Path) -> Source:
    """The file's lines and data; UsageError with file:line when it cannot be read as YAML."""
    path = file.relative_to(repo).as_posix() if file.is_relative_to(repo) else str(file)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}:1: cannot be read: {error}", f"look at it: ls -l {path}") from error
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 a SafeLoader underneath
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise UsageError(f"{path}:{line}: not YAML: {error.problem}", f"yamllint {path}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(f"{path}:1: not YAML: {error}", f"yamllint {path}") from error
    return Source(path, tuple(text.splitlines()), data)


def _remarks(comments: list[str]) -> Remarks:
    why: list[str] = []
    kept: dict[str, list[list[str]]] = {key: [] for key in ("By hand", "Proof", "Only when", "Stop if", "Below")}
    current: list[str] | None = None
    for comment in comments:
        if match := _KEYWORD.match(comment):
            current = [match["where"] or "", match["text"]]
            kept[match["keyword"]].append(current)
        elif current is not None and comment.startswith("  "):
            current.append(comment[2:])
        else:
            current = None
            why.append(comment.strip())
    by_hand, proofs = (
        tuple(Typed("\n".join(lines).strip("\n"), where) for where, *lines in kept[keyword])
        for keyword in ("By hand", "Proof")
    )
    only_when, stop_if, below = (
        tuple(" ".join(" ".join(lines).split()) for _, *lines in kept[keyword])
        for keyword in ("Only when", "Stop if", "Below")
    )
    return Remarks(" ".join(filter(None, why)), by_hand, proofs, " and ".join(only_when), " or ".join(stop_if), below)
