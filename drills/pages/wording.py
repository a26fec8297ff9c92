"""Puts Ansible's conditions into words."""

import re
from collections.abc import Mapping

from drills.pages.filling import public
from drills.pages.meta import sentences

_NAME = r"[\w.\[\]']+"
_TEXT = r"'[^']*'|\"[^\"]*\""
_PHRASES = (
    (rf"not\s+({_NAME})\.stat\.exists", "`{0}` found nothing"),
    (rf"({_NAME})\.stat\.exists", "`{0}` found it"),
    (rf"({_NAME})\.stat\.size < 1", "`{0}` found an empty file"),
    (rf"not\s+({_NAME})\.unreachable", "`{0}` succeeded"),
    (rf"({_NAME})\.unreachable", "`{0}` failed"),
    (rf"({_NAME}) \| length > 0", "`{0}` is not empty"),
    (rf"({_NAME}) \| length == 0", "`{0}` is empty"),
    (rf"not\s+({_NAME})", "`{0}` is false"),
    (rf"({_NAME})", "`{0}` is true"),
    (rf"({_NAME}) is not defined", "`{0}` is not given"),
    (rf"({_NAME}) is defined", "`{0}` is given"),
    (rf"({_NAME}) is (failed|changed|skipped)", "`{0}` {1}"),
    (rf"({_NAME}) is (?:succeeded|success)", "`{0}` succeeded"),
    (rf"({_NAME}) is not (?:failed|failure)", "`{0}` succeeded"),
    (rf"({_NAME}) is not (\w+)", "`{0}` is not {1}"),
    (rf"({_NAME}) is (\w+)", "`{0}` is {1}"),
    (rf"({_NAME}) (?:==|is) (?:''|\"\")", "`{0}` is empty"),
    (rf"({_NAME}) == ({_NAME}|{_TEXT})", "`{0}` is `{1}`"),
    (rf"({_NAME}) != ({_NAME}|{_TEXT})", "`{0}` is not `{1}`"),
    (rf"({_NAME}) < ({_NAME})", "`{0}` is less than `{1}`"),
    (rf"({_NAME}) >= ({_NAME})", "`{0}` is at least `{1}`"),
    (rf"({_NAME}) <= ({_NAME})", "`{0}` is at most `{1}`"),
    (rf"({_NAME}) not in ({_NAME})", "`{0}` is not among `{1}`"),
    (rf"({_NAME}) in ({_NAME})", "`{0}` is among `{1}`"),
)
# What modules answer with: (the rest of a registered name, what it is).
_RESULTS = (
    (r"\.stdout", "the output of {}"),
    (r"\.rc", "the exit code of {}"),
    (r"\.status", "the HTTP status of {}"),
    (r"\.(?:(?:json|member|query_result\[0\])\.)?([\w.]+)", r"`\1` in the output of {}"),
    ("", "{}"),
)


def in_words(condition: object, names: Mapping[str, str] | None = None) -> str:
    """A `when`, `until` or `that` in words; `names` says how registered results are called."""
    return _called(" and ".join(_phrase(part) or f"`{part}`" for part in _parts(condition)), names or {})


def has_words(condition: object) -> bool:
    """Whether a person can read `condition` without knowing Jinja."""
    return all(map(_phrase, _parts(condition)))


def _parts(condition: object) -> list[str]:
    parts: list[str] = []
    for each in sentences(condition):
        whole = re.search(r"[()]| or | if ", _bare(each))
        parts += [each] if whole else re.split(r"\s+and\s+", each)
    return [_bare(part) for part in parts]


def _bare(condition: str) -> str:
    """`condition` without what only Ansible needs to read a value."""
    return re.sub(r"\s*\|\s*(bool|trim|int|default\((false|0|'')\))(?=\W|$)", "", condition.strip())


def _phrase(condition: str) -> str:
    """`condition` in words; "" where there are none."""
    for pattern, words in _PHRASES:
        if match := re.fullmatch(pattern, condition):
            return words.format(*(group.strip("'\"") for group in match.groups()))
    return ""


def _called(words: str, names: Mapping[str, str]) -> str:
    """`words` with registered results called by the name of the task that they come from."""
    for name, called in names.items():
        for part, what in _RESULTS:
            words = re.sub(rf"`{name}{part}`", what.format(called), words)
    return public(words)
