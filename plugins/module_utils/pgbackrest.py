"""The repositories of pgBackRest, read through its own commands. Nothing here changes anything."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, field
from typing import Any

SEGMENT_BYTES = 16 * 1024**2
SEGMENTS_PER_FILE_NUMBER = 2**32 // SEGMENT_BYTES
SEGMENT = re.compile(r"(?:.*/)?([0-9A-F]{24})-[0-9a-f]{40}(?:\.\w+)?$")
HISTORY = re.compile(r"(?:.*/)?([0-9A-F]{8})\.history$")


class RepositoryError(Exception):
    """A repository cannot be read; the text is pgBackRest's own."""


@dataclass(frozen=True)
class Archive:
    """The WAL in one repository: the time at which each segment came, by timeline and number, and who begat whom."""

    segments: dict[tuple[int, int], float]
    histories: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    @property
    def latest_timeline(self) -> int:
        """The timeline that recovery follows to its end."""
        return max([timeline for timeline, _ in self.segments] + list(self.histories), default=1)

    def newest(self, timeline: int) -> int:
        """The number of the newest segment on a timeline, or -1."""
        return max((number for line, number in self.segments if line == timeline), default=-1)

    def path(self, first: tuple[int, int], last: int | None) -> list[tuple[int, int]]:
        """Every segment that recovery reads, from `first` to the segment number `last`, or to the newest of all.

        Raises:
            RepositoryError: The backup is not on the history of the latest timeline.
        """
        latest = self.latest_timeline
        turns = [(line, number) for line, number in self.histories.get(latest, []) if line >= first[0]]
        if first[0] != latest and (not turns or turns[0][0] != first[0] or turns[0][1] < first[1]):
            raise RepositoryError(f"the backup is on timeline {first[0]}, which timeline {latest} does not come from")
        end = max(self.newest(latest), first[1]) if last is None else last
        path = []
        for number in range(first[1], end + 1):
            line = next((line for line, turn in turns if number < turn), latest)
            path.append((line, number))
        return path


class Repository:
    """One repository as this host sees it, by its number."""

    def __init__(self, stanza: str, number: int | None = None, config: str = "") -> None:
        self.stanza = stanza
        self.options = [f"--stanza={stanza}"]
        self.options += [f"--repo={number}"] if number else []
        self.options += [f"--config={config}"] if config else []

    def ask(self, *arguments: str) -> str:
        """What a command of pgBackRest prints.

        Raises:
            RepositoryError: The command failed.
        """
        command = ["pgbackrest", *self.options, "--log-level-file=off", "--log-level-console=off", *arguments]
        done = run([*command, "--log-level-stderr=error"], 3600)
        if done.returncode:
            raise RepositoryError(cause(done.stderr))
        return done.stdout

    def info(self) -> dict[str, Any]:
        """What `pgbackrest info` knows of the stanza; empty where it knows nothing."""
        command = ["pgbackrest", *self.options, "--log-level-file=off", "--log-level-console=off", "--output=json"]
        done = run([*command, "info"], 300)
        if done.returncode:
            raise RepositoryError(cause(done.stderr))
        # A message with several lines is not escaped as JSON asks for.
        return next((dict(row) for row in json.loads(done.stdout, strict=False) if row["name"] == self.stanza), {})

    def archive(self, archive_id: str) -> Archive:
        """The WAL of one cluster in this repository."""
        place = f"archive/{self.stanza}/{archive_id}"
        listed = json.loads(self.ask("--output=json", "--recurse", "repo-ls", place))
        segments = {
            split(found[1]): float(entry["time"]) for name, entry in listed.items() if (found := SEGMENT.match(name))
        }
        latest = max((found[1] for name in listed if (found := HISTORY.match(name))), default="")
        histories = {}
        if latest:
            histories[int(latest, 16)] = parse_history(self.ask("repo-get", f"{place}/{latest}.history"))
        return Archive(segments, histories)


def run(command: list[str], limit_s: float) -> subprocess.CompletedProcess[str]:
    """Runs a command. What is deciphered with a wrong key is no text, and is quoted in messages all the same."""
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=limit_s)


def cause(said: str) -> str:
    """The errors in what pgBackRest said, without times and hints."""
    errors = re.findall(r"ERROR: (\[\d+\]: .*)", said)
    return plain("; ".join(errors) or said.strip()[-300:] or "pgBackRest gave no reason")


def plain(message: str) -> str:
    """A message of pgBackRest in one line, and in words where it quotes what a wrong key deciphered.

    >>> plain("[CryptoError] unable to load info file 'backup.info'")
    "the passphrase is wrong, or the list of backups is damaged: [CryptoError] unable to load info file 'backup.info'"
    """
    first = "".join(letter for letter in message.splitlines()[0] if letter.isprintable() and letter != "\ufffd")[:200]
    if "unable to load info file" in message and ("CryptoError" in message or "FormatError" in message):
        return f"the passphrase is wrong, or the list of backups is damaged: {first.rstrip(':')}"
    return first


def split(name: str) -> tuple[int, int]:
    """Timeline and number of a segment of WAL.

    >>> split("000000020000000100000003")
    (2, 259)
    """
    return int(name[:8], 16), int(name[8:16], 16) * SEGMENTS_PER_FILE_NUMBER + int(name[16:], 16)


def name_of(segment: tuple[int, int]) -> str:
    """The name of a segment.

    >>> name_of((2, 259))
    '000000020000000100000003'
    """
    return f"{segment[0]:08X}{segment[1] // SEGMENTS_PER_FILE_NUMBER:08X}{segment[1] % SEGMENTS_PER_FILE_NUMBER:08X}"


def position(lsn: str) -> int:
    """Bytes of WAL up to a position such as `0/5000060`.

    >>> position("1/10")
    4294967312
    """
    high, low = lsn.split("/")
    return int(high, 16) * 2**32 + int(low, 16)


def parse_history(text: str) -> list[tuple[int, int]]:
    r"""The timelines that one comes from, each with the number of the segment in which it was left.

    >>> parse_history("1\t0/3000148\tno recovery target specified\n")
    [(1, 3)]
    """
    rows = (line.split() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return [(int(row[0]), position(row[1]) // SEGMENT_BYTES) for row in rows]
