"""Where things are: the repository that holds the runbooks, and the folder that keeps the runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """The folder of all runs: $DRILLBOOK_HOME, or `runs` of the repository."""
    named = os.environ.get("DRILLBOOK_HOME")
    return Path(named).expanduser().resolve() if named else ROOT / "runs"


def cache() -> Path:
    """What can be worked out again, and so may be deleted at any time."""
    return home() / ".cache"


def playbook_folders() -> list[Path]:
    """Where runbooks are: the repository's playbooks, then the folders in $DRILLBOOK_PLAYBOOKS, parted as in $PATH."""
    named = os.environ.get("DRILLBOOK_PLAYBOOKS", "").split(os.pathsep)
    return [ROOT / "playbooks", *(Path(folder).expanduser().resolve() for folder in named if folder)]


def playbook_path(name: str) -> Path:
    """The file of the runbook of this name, in the first folder that has it; it may not exist."""
    files = [folder / f"{name}.yml" for folder in playbook_folders()]
    return next((file for file in files if file.is_file()), files[0])


def relative(path: Path) -> str:
    """The path as people type it at the repository's root."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def commit() -> str:
    """The commit that is checked out, with `+` when files differ from it; `unknown` outside of git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=12", "--dirty=+"],
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"


def use_own_ansible() -> None:
    """Let `ansible-playbook` be the one that is installed beside this Python, if there is one."""
    folder = Path(sys.executable).parent
    if (folder / "ansible-playbook").exists():
        os.environ["PATH"] = os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)])


def has_ansible() -> bool:
    """Whether `ansible-playbook` can be found."""
    return shutil.which("ansible-playbook") is not None
