"""Puts Ansible's conditions into words."""

import re
from collections.abc import Mapping

from drills.pages.meta import sentences

_NAME = r"[\w.\[\]']+"
_PHRASES = (
    (rf"not\s+({_NAME})", "`{0}` is false"),
    (rf"({_NAME})", "`{0}` is true"),
    (rf"({_NAME}) is not defined", "`{0}` is not given"),
    (rf"({_NAME}) is defined", "`{0}` is given"),
    (rf"({_NAME}) is (failed|changed|skipped)", "`{0}` {1}"),
    (rf"({_NAME}) is (?:succeeded|success)", "`{0}` succeeded"),
    (rf"({_NAME}) is not (?:failed|failure)", "`{0}` succeeded"),
    (rf"({_NAME}) is not (\w+)", "`{0}` is not {1}"),
    (rf"({_NAME}) is (\w+)", "`{0}` is {1}"),
    (rf"({_NAME}) == ({_NAME}|'[^']*')", "`{0}` is `{1}`"),
    (rf"({_NAME}) != ({_NAME}|'[^']*')", "`{0}` is not `{1}`"),
    (rf"({_NAME}) not in ({_NAME})", "`{0}` is not among `{1}`"),
    (rf"({_NAME}) in ({_NAME})", "`{0}` is among `{1}`"),
)


def in_words(condition: object, names: Mapping[str, str] | None = None) -> str:
    """A `when`, `until` or `that` in words; `names` says how registered results are called."""
    parts: list[str] = []
    for each in sentences(condition):
        whole = re.search(r"[()]| or | if ", each)
        parts += [each] if whole else re.split(r"\s+and\s+", each)
    return " and ".join(_phrase(part, names or {}) for part in parts)


def _phrase(condition: str, names: Mapping[str, str]) -> str:
    condition = re.sub(r"\s*\|\s*(bool|trim)\b", "", condition.strip())
    phrase = next(
        (
            words.format(*(group.strip("'") for group in match.groups()))
            for pattern, words in _PHRASES
            if (match := re.fullmatch(pattern, condition))
        ),
        f"`{condition}`",
    )
    for name, called in names.items():
        phrase = re.sub(rf"`{name}\.stdout`", f"the output of {called}", phrase)
        phrase = re.sub(rf"`{name}\.rc`", f"the exit code of {called}", phrase)
        phrase = re.sub(rf"`{name}\.status`", f"the HTTP status of {called}", phrase)
        phrase = re.sub(rf"`{name}`", called, phrase)
    return re.sub(r"\b__(?=\w)", "", phrase)  # as the placeholders are called
