"""Reads `<runbook>.meta.yml`: what a runbook is for, what it needs, how it is undone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drills.errors import UsageError
from drills.pages.source import read_source

FACTS = {"live_release": "the digest that `/version` names, read before this runbook changes anything"}
"""What an undo may need to know of the time before: each fact, and how a person finds it out."""


@dataclass(frozen=True)
class Undo:
    """How a runbook is undone: by a sibling runbook, by hand, or not at all; and until when.

    `inputs` are those of the sibling, each with what is its value: an input of the runbook itself, by its name, or a
    fact of the time before. `unless` are inputs of the runbook with the values for which the sibling undoes nothing.
    """

    playbook: str = ""
    by_hand: str = ""
    none: str = ""
    until: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    unless: Mapping[str, object] = field(default_factory=dict)

    @property
    def told(self) -> bool:
        """Whether exactly one way is given and, where something can be undone, until when."""
        ways = [way for way in (self.playbook, self.by_hand, self.none) if way]
        return len(ways) == 1 and bool(self.none or self.until)


@dataclass(frozen=True)
class Meta:
    """The head of a runbook. Lists are sentences; options are as in an Ansible argument spec."""

    path: str
    title: str
    description: str
    specified: bool
    use_when: tuple[str, ...]
    not_when: tuple[str, ...]
    leaves: tuple[str, ...]
    undo: Undo
    options: Mapping[str, Mapping[str, Any]]
    examples: str


def meta_of(playbook: Path) -> Path:
    """Where the meta of `playbook` belongs."""
    return playbook.with_name(f"{playbook.stem}.meta.yml")


def read_meta(playbook: Path, repo: Path) -> Meta:
    """The playbook's meta; UsageError when there is none or it is not a mapping."""
    file = meta_of(playbook)
    if not file.is_file():
        raise UsageError(
            f"playbooks/{playbook.name} has no {file.name} beside it, so no page can be written",
            f"write playbooks/{file.name}: title, when to use it, inputs, example, undo",
        )
    source = read_source(file, repo)
    if not isinstance(source.data, dict):
        raise UsageError(f"{source.path}:1: not a mapping", f"ansible-lint {source.path}")
    spec = mapping(mapping(source.data.get("argument_specs")).get(playbook.stem))
    return Meta(
        path=source.path,
        title=str(source.data.get("short_description", playbook.stem)),
        description=str(source.data.get("description", "")).strip(),
        specified=bool(spec),
        use_when=sentences(spec.get("use_when")),
        not_when=sentences(spec.get("not_when")),
        leaves=sentences(spec.get("leaves")),
        undo=_undo(mapping(spec.get("undo"))),
        options={name: mapping(option) for name, option in mapping(spec.get("options")).items()},
        examples=str(spec.get("examples", "")).strip(),
    )


def _undo(told: Mapping[str, Any]) -> Undo:
    inputs = {str(name): str(fact) for name, fact in mapping(told.get("inputs")).items()}
    return Undo(
        **{key: str(told.get(key, "")).strip() for key in ("playbook", "by_hand", "none", "until")},
        inputs=inputs,
        unless=mapping(told.get("unless")),
    )


def sentences(value: object) -> tuple[str, ...]:
    """A string or a list of strings, as single lines."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(" ".join(str(each).split()) for each in values)


def mapping(value: object) -> dict[str, Any]:
    """`value` if it is a mapping, else an empty one: what is absent or misshapen says nothing."""
    return value if isinstance(value, dict) else {}
