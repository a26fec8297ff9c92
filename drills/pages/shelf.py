"""All pages of a repository: writes them, and finds those that no longer say what the playbooks do."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from drills.errors import UsageError
from drills.pages.contract import Flaw, by_hand_flaws, contract_flaws
from drills.pages.page import render_index, render_runbook
from drills.pages.playbook import Runbook, read_runbook
from drills.pages.steps import Timings

# The desired state of a whole environment is not a procedure that a person would follow step by step.
_DESIRED_STATE = "site.yml"

_RENDER = "write the pages anew: drillbook runbooks render"


@dataclass(frozen=True)
class Drift(Flaw):
    """A page that differs from its playbook; `diff` is unified, from the page as it is to what it should be."""

    diff: str = ""

    def __str__(self) -> str:
        """As people see it on the command line, the diff first."""
        return f"{self.diff}{super().__str__()}"


def render_all(repo: Path, timings: Timings | None = None) -> list[Path]:
    """Writes runbooks/<name>.md for every playbook, and runbooks/README.md; returns what was written.

    UsageError, and nothing written, when a playbook has no meta or a file is broken.
    """
    pages = _pages(_runbooks(repo), timings)
    folder = repo / "runbooks"
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in pages]


def check_all(repo: Path, timings: Timings | None = None) -> list[Flaw]:
    """What is wrong with the pages: drift, no playbook any more, steps no person could do or prove.

    Writes nothing. UsageError when a playbook has no meta or a file is broken.
    """
    runbooks = _runbooks(repo)
    pages = _pages(runbooks, timings)
    found = _once(flaw for runbook in runbooks for flaw in by_hand_flaws(runbook))
    found += [drift for name, text in pages.items() if (drift := _drift(repo, name, text))]
    stale = sorted(file.name for file in (repo / "runbooks").glob("*.md") if file.name not in pages)
    return found + [_stale(name) for name in stale]


def contract_errors(repo: Path) -> list[Flaw]:
    """Where playbooks and the roles they call break the contract of a runbook; empty when nowhere."""
    return _once(flaw for runbook in _runbooks(repo) for flaw in contract_flaws(runbook, repo))


def _runbooks(repo: Path) -> list[Runbook]:
    playbooks = [file for file in sorted(repo.glob("playbooks/*.yml")) if file.name != _DESIRED_STATE]
    return [read_runbook(file, repo / "roles") for file in playbooks if not file.name.endswith(".meta.yml")]


def _pages(runbooks: list[Runbook], timings: Timings | None) -> dict[str, str]:
    if any(runbook.name == "README" for runbook in runbooks):
        raise UsageError("playbooks/README.yml would overwrite the index", "name the playbook by what it does")
    pages = {f"{runbook.name}.md": render_runbook(runbook, timings) for runbook in runbooks}
    return {**pages, "README.md": render_index(runbooks)}


def _drift(repo: Path, name: str, text: str) -> Drift | None:
    file, path = repo / "runbooks" / name, f"runbooks/{name}"
    if not file.is_file():
        return Drift(path, "the page is not there", _RENDER)
    current = file.read_text(encoding="utf-8")
    if current == text:
        return None
    before, after = current.splitlines(keepends=True), text.splitlines(keepends=True)
    diff = "".join(difflib.unified_diff(before, after, path, f"{path} (as the playbook has it)"))
    return Drift(path, "the page differs from its playbook", _RENDER, diff)


def _stale(name: str) -> Drift:
    return Drift(f"runbooks/{name}", "no playbook belongs to this page", f"remove it: git rm runbooks/{name}")


def _once(flaws: Iterable[Flaw]) -> list[Flaw]:
    """Each flaw once, in order: several runbooks share a role verb."""
    return list(dict.fromkeys(flaws))
