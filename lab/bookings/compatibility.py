"""Whether a release and a database's schema go together; pure, so that every instance and command says the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True)
class Applied:
    """One migration as the database remembers it."""

    version: int
    name: str
    kind: str
    undo: bool
    needs: int

    @classmethod
    def read(cls, row: dict[str, Any]) -> Applied:
        """Return the migration in a row; what the first form of the table did not have has its default."""
        return cls(
            version=row["version"],
            name=row["name"],
            kind=row.get("kind", "expand"),
            undo=row.get("undo", False),
            needs=row.get("needs", 0),
        )


@dataclass(frozen=True, slots=True)
class Compatibility:
    """The verdict.

    `state` is works; behind: a migration of the release is missing; ahead: one was applied that the release does not
    work with, until `to_undo` is undone; or contracted: what the release needs is gone for good. `database` and
    `release` are the newest expand migrations that each has; 0 if none. `breaks` are those of the missing migrations
    that no release before this one works with.
    """

    state: str
    database: int
    release: int
    because: str
    to_undo: list[str]
    breaks: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return it as commands and answers show it."""
        return asdict(self)


def judge(applied: list[Applied], expected: dict[int, str], breaking: Collection[str] = ()) -> Compatibility:
    """Return whether a release that brings the expected migrations works on what was applied.

    `breaking` are the names of those that no release before it works with.
    """
    release = max(expected)
    expanded = [one for one in applied if one.kind == "expand"]
    newer = [one for one in expanded if one.version > release]
    known = {one.name for one in applied}
    missing = [name for name in sorted(expected.values()) if name not in known]
    taken = [one for one in applied if one.kind == "contract" and one.needs > release]
    unknown = [one.name for one in newer if one.undo]
    to_undo: list[str] = []
    if taken:
        state = "contracted"
        because = f"{taken[0].name} took away what releases below schema {taken[0].needs} need, and this is {release}"
    elif missing:
        state, because = "behind", f"not applied: {', '.join(missing)}"
    elif unknown:
        state, because = "ahead", f"releases before it do not work with {', '.join(unknown)}"
        to_undo = [one.name for one in sorted(newer, key=lambda one: one.version, reverse=True)]
    else:
        state, because = "works", "every migration of this release is applied, and none that it cannot live with"
    return Compatibility(
        state=state,
        database=max((one.version for one in expanded), default=0),
        release=release,
        because=because,
        to_undo=to_undo,
        breaks=[name for name in missing if name in breaking],
    )
