"""Where secrets may have been written down, and the few places in which they may lie: with the right owner and mode."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.canaries.canary import names_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tests.canaries.canary import Canary
    from tests.canaries.processes import Told

FOUND, NOTHING_FOUND = 0, 1
# Files that come and go while they are searched make grep end with this; what it found still counts.
SOME_UNREADABLE = 2
COMPRESSED = (".gz", ".xz", ".bz2", ".zst")
SECONDS = 600


@dataclass(frozen=True)
class Allowed:
    """Files in which a secret may lie, and as whom and with which mode they must be there: each a regular expression.

    `path` is the whole path, `owner` is user and group, as in root:bookings.
    """

    path: str
    owner: str
    mode: str

    def wrong(self, seen: str) -> str:
        """What is wrong with the owner, the group and the mode that `stat -c '%U:%G %a'` told; empty if nothing."""
        wanted = f"({self.owner}) ({self.mode})"
        return "" if re.fullmatch(wanted, seen) else f"is {seen} and must be {self.owner} {self.mode}"


@dataclass(frozen=True)
class Trees:
    """Folders with all that is in them, on some machine.

    `run` runs a command there with something on its standard input, and returns exit code and output.
    """

    machine: str
    roots: Sequence[str]
    run: Callable[[Sequence[str], bytes], tuple[int, bytes]]
    leave_out: Sequence[str] = ()

    def files_with(self, patterns: Iterable[bytes]) -> list[str]:
        """The files in which any of the patterns stands. They come on the standard input: arguments can be seen."""
        wanted = list(patterns)
        if not all(wanted) or any(b"\n" in one for one in wanted):
            raise ValueError("an empty pattern, or a line of none, would be found everywhere")
        folders = [f"--exclude-dir={folder}" for folder in self.leave_out]
        words = ["env", "LC_ALL=C", "grep", "-rlaFs", *folders, "-f", "-", "--", *self.roots]
        code, out = self.run(words, b"\n".join(wanted))
        if code not in {FOUND, NOTHING_FOUND, SOME_UNREADABLE}:
            raise AssertionError(f"{self.machine} could not be searched: grep ended with {code}")
        return sorted(out.decode().splitlines())

    def compressed(self) -> list[str]:
        """The files that are compressed, which grep cannot look into."""
        names = [word for suffix in COMPRESSED for word in ("-o", "-name", f"*{suffix}")][1:]
        return self.run(["find", *self.roots, "-type", "f", "(", *names, ")"], b"")[1].decode().splitlines()

    def content(self, path: str) -> bytes:
        """What is in a file."""
        return self.run(["cat", "--", path], b"")[1]

    def facts(self, path: str) -> str:
        """Owner, group and mode of a file."""
        return self.run(["stat", "-c", "%U:%G %a", "--", path], b"")[1].decode().strip()

    def private_keys(self) -> list[str]:
        """The files that hold a private key in PEM."""
        return self.files_with(
            [f"-----BEGIN {kind}PRIVATE KEY-----".encode() for kind in ("", "EC ", "RSA ", "OPENSSH ")]
        )


@dataclass(frozen=True)
class Findings:
    """What was found where it must not be, and where it may lie and does; both are told by names alone."""

    leaks: list[str]
    kept: dict[str, list[str]]


def search(trees: Trees, canaries: list[Canary], allowed: Sequence[Allowed]) -> Findings:
    """Look for canaries in files; one that lies where it may is checked for owner and mode."""
    patterns = {spelt for one in canaries for spelt in one.spellings}
    leaks: list[str] = []
    kept: dict[str, list[str]] = {}
    for path in trees.files_with(sorted(patterns)):
        names = names_in(trees.content(path), canaries)
        place = f"{trees.machine}:{path}"
        rule = next((one for one in allowed if re.fullmatch(one.path, path)), None)
        if rule is None:
            leaks += [f"{name} is in {place}" for name in names or ["a canary that was gone a moment later"]]
        else:
            kept[place] = names
            leaks += [f"{place} {wrong}" for wrong in [rule.wrong(trees.facts(path))] if wrong]
    return Findings(leaks, kept)


def search_processes(told: Iterable[Told], canaries: list[Canary]) -> list[str]:
    """Look for canaries in what processes were told."""
    those = list(told)
    if not names_in(b"\n".join(one.content for one in those), canaries):
        return []
    return [f"{name} is in {one.place}" for one in those for name in names_in(one.content, canaries)]


def here(roots: Sequence[Path], leave_out: Sequence[str] = ()) -> Trees:
    """Folders of this machine."""

    def run(words: Sequence[str], told: bytes) -> tuple[int, bytes]:
        done = subprocess.run(words, input=told, capture_output=True, check=False, timeout=SECONDS)
        return done.returncode, done.stdout

    return Trees("here", [str(root) for root in roots if root.exists()], run, leave_out)
