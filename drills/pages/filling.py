"""Fills `{{ … }}` in with what the repository itself knows; what it cannot know becomes a `<placeholder>`."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jinja2 import TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from drills.pages.speech import UNSAYABLE, speak

_EXPRESSION = re.compile(r"{{-?\s*(.*?)\s*-?}}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.\w+|\[[^\]]+\])*")
_EMPTY: tuple[object, ...] = ("", None, [], {})
_OMIT = "\0omit"
_DEPTH = 12
_ANSIBLE = {"ansible_managed": "Ansible managed"}

# How the words of Ansible read on a page: (pattern of the whole expression, placeholder, what to put there).
_GROUP = r"groups(?:\.|\[')(?P<word>\w+)(?:'\])?"
_SPOKEN = (
    (r"inventory_hostname(_short)?", "this host", "the host of the phase, by its name in the inventory"),
    (r"ansible_host", "address of this host", "its `ansible_host` in the inventory"),
    (r"ansible_play_hosts(_all)?", "hosts of this phase", "the hosts of the phase, by name"),
    (r"ansible_failed_result(\.\w+)*", "the error", "what the step that failed said"),
    (
        r"lookup\('(?:ansible\.builtin\.)?env', '(?P<word>\w+)'\)",
        "your {word}",
        "what `echo ${word}` prints where you are",
    ),
    (
        r"hostvars\[(?P<expression>.+?)\](?:\.|\[')(?P<word>\w+(?:\.\w+)*)(?:'\])?",
        "{word} of {expression}",
        "`{word}` of `<{expression}>` in the inventory",
    ),
    (_GROUP, "hosts of {word}", "the hosts of group `{word}`"),
    (
        _GROUP + r"(?: *\| *first|\[0\])",
        "first host of {word}",
        "the first host of group `{word}`",
    ),
)
_TRIMMINGS = re.compile(r"\s*\|\s*((trim|string|int|bool|mandatory)\b(\(\))?|default\([^()]*\)|join\([^()]*\))")
_CHOSEN = re.compile(r"([A-Za-z_]\w*)\[([A-Za-z_]\w*)\]")
_PRIVATE = re.compile(r"\b__(?=\w)")


@dataclass
class Glossary:
    """The placeholders of one page: what each means.

    `facts` are names that only the run itself gives, `told` what `# Below:` says, by names without leading `__`.
    """

    options: Mapping[str, str]
    meanings: Mapping[str, str]
    facts: Mapping[str, str]
    told: Mapping[str, str] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)

    def explain(self, expression: str, spoken: str = "", scope: Mapping[str, Any] | None = None) -> str:
        """The placeholder for `expression`, noted with its meaning; what has none but itself gets no row."""
        label = re.sub(r"\.stdout(_lines\[\d+\])?$", "", public(expression))
        if meaning := spoken or self._meaning(expression, label, scope or {}):
            self.used.setdefault(label, meaning)
        return f"<{label}>"

    def _meaning(self, expression: str, label: str, scope: Mapping[str, Any]) -> str:
        name = (_NAME.match(expression) or [expression])[0]
        told = self.told.get(label) or self.told.get(public(name))
        meaning = self.options.get(name) or told or self.facts.get(name) or self.meanings.get(name) or ""
        unknown = _NAME.fullmatch(expression) and scope.get(name) in _EMPTY
        return meaning or ("its value in the inventory" if unknown else "")


def public(text: str) -> str:
    """`text` with its private names as pages write them: without leading `__`."""
    return _PRIVATE.sub("", text)


class _UnknownError(Exception):
    """The repository alone does not know this name."""


@dataclass(frozen=True)
class Filling:
    """Fills texts in for one task: `scope` is what its variables are, `glossary` collects the placeholders."""

    scope: Mapping[str, Any]
    glossary: Glossary
    item: str = "item"

    def fill(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 arguments of modules are any YAML
        """`value` with every expression replaced, keeping its shape; keys that are omitted are gone."""
        if isinstance(value, str):
            return self._text(value, depth)
        if isinstance(value, list):
            return [self.fill(each, depth) for each in value]
        if isinstance(value, dict):
            filled = {str(key): self.fill(each, depth) for key, each in value.items()}
            return {key: each for key, each in filled.items() if each != _OMIT}
        return value

    def words(self, value: Any) -> str:  # noqa: ANN401 see fill
        """`value` filled in, as one text."""
        filled = self.fill(value)
        return filled if isinstance(filled, str) else json.dumps(filled, default=str)

    def _text(self, text: str, depth: int) -> Any:  # noqa: ANN401 a lone expression keeps its type
        if "{%" in text:
            return self._choices(text, depth)
        whole = _EXPRESSION.fullmatch(text.strip())
        if whole and "{{" not in whole[1]:
            return self._expression(whole[1], depth)
        return _EXPRESSION.sub(lambda match: _plain(self._expression(match[1], depth)), text)

    def _choices(self, text: str, depth: int) -> str:
        """A template with statements: whole where all is known, else as it is but for what is known."""
        try:
            return str(self._evaluate(text, depth, whole=True))
        except _UnknownError:
            outside = _names(text)
        return _EXPRESSION.sub(
            lambda match: _plain(self._expression(match[1], depth)) if _names(match[0]) <= outside else match[0],
            text,
        )

    def _expression(self, expression: str, depth: int) -> Any:  # noqa: ANN401 see _text
        try:
            return self._evaluate(expression, depth)
        except _UnknownError:
            return self._placeholder(expression, depth)

    def _evaluate(self, expression: str, depth: int, *, whole: bool = False) -> Any:  # noqa: ANN401 see _text
        if depth > _DEPTH:
            raise _UnknownError
        environment = _environment()
        try:
            names = _names(expression if whole else "{{ " + expression + " }}")
            known = {name: self._known(name, expression, depth) for name in names - {"omit"}}
            values = {"omit": _OMIT, **{name: each[0] for name, each in known.items() if each}}
            if whole:
                return environment.from_string(expression).render(values)
            return environment.compile_expression(expression, undefined_to_none=False)(**values)
        except (TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
            raise _UnknownError from error

    def _known(self, name: str, expression: str, depth: int) -> tuple[Any, ...]:
        """The value of `name` in a tuple; an empty one where the expression brings its own default."""
        given = self.scope.get(name, _ANSIBLE.get(name))
        if given not in _EMPTY and name != self.item and name not in self.glossary.facts:
            value = self.fill(given, depth + 1)
            spoken = UNSAYABLE not in str(value) and public(name) not in self.glossary.told
            if "<" not in str(value) or (_NAME.fullmatch(expression) and spoken):
                return (value,)
        elif not self._asked(name, expression) and re.search(rf"\b{name}\s*\|\s*(default|d)\(", expression):
            return ()
        raise _UnknownError

    def _asked(self, name: str, expression: str) -> bool:
        """Whether only a person, the loop or the run can give `name`, whatever default stands beside it."""
        if name in self.glossary.options:
            return "omit" not in expression
        return name == self.item or name in self.glossary.facts

    def _placeholder(self, expression: str, depth: int) -> str:
        simple = _TRIMMINGS.sub("", expression)
        simple = " ".join(simple.split())
        if re.fullmatch(rf"{self.item}\b([.\[].*)?", simple):
            return self.glossary.explain(simple, "each of what the step lists, in turn")
        if placeholder := self._spoken(simple, depth) or self._chosen(simple, depth):
            return placeholder
        if simple != expression and _NAME.fullmatch(simple):
            return self._said(simple, depth)
        if _DOTTED.fullmatch(simple):
            return self.glossary.explain(simple, "", self.scope)
        return speak(expression, lambda name: self._said(name, depth)) if depth < _DEPTH else UNSAYABLE

    def _spoken(self, simple: str, depth: int) -> str:
        """What Ansible's own words are called; "" for anything else."""
        for pattern, label, meaning in _SPOKEN:
            if match := re.fullmatch(pattern, simple):
                parts = match.groupdict()
                if "expression" in parts:
                    if parts["word"].split(".")[0] in self.glossary.facts:
                        return self.glossary.explain(parts["word"])
                    whose = self.fill("{{ " + parts["expression"] + " }}", depth + 1)
                    parts["expression"] = re.sub("[<>]", "", str(whose))
                told = self.glossary.told.get(parts.get("word", "")) if label == "hosts of {word}" else None
                return self.glossary.explain(label.format(**parts), told or meaning.format(**parts))
        return ""

    def _chosen(self, simple: str, depth: int) -> str:
        """`ports[colour]` where all ports are known and the colour is not: the table says each; "" otherwise."""
        match = _CHOSEN.fullmatch(simple)
        values = self.fill(self.scope.get(match[1]), depth + 1) if match else None
        if not match or not isinstance(values, dict) or not values or "<" in str(values):
            return ""
        key = re.sub("[<>]", "", self._said(match[2], depth))
        each = ", ".join(f"`{value}` for `{name}`" for name, value in values.items())
        noun = match[1].rpartition("_")[2].removesuffix("s")
        return self.glossary.explain(f"{noun} of {key}", each)

    def _said(self, name: str, depth: int) -> str:
        """A name inside an expression: its value where that is known, else its placeholder."""
        value = self._expression(name, depth + 1)
        return ", ".join(map(str, value)) if isinstance(value, list) else _plain(value)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    """What evaluates expressions over known values alone: no lookups, no globals."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals.clear()
    environment.filters["bool"] = lambda value: str(value).lower() in {"true", "yes", "1", "on"}
    return environment


def _names(template: str) -> set[str]:
    """What a template asks for, apart from what it sets itself; nothing where it is no template."""
    try:
        return set(meta.find_undeclared_variables(_environment().parse(template)))
    except TemplateError:
        return set()


def _plain(value: object) -> str:
    if isinstance(value, str):
        return "" if value == _OMIT else value
    return json.dumps(value, default=str)
