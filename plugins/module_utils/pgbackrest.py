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
class Stretch:
    """WAL that a timeline wrote and recovery does not go through: its positions in bytes, and when it was written."""

    timeline: int
    begins: int
    ends: int
    since: float
    until: float


@dataclass(frozen=True)
class Archive:
    """The WAL in one repository: the time at which each segment came, by timeline and number, and who begat whom.

    A history is the timelines that one comes from, each with the position in bytes at which it was left. Timelines of
    which only the beginning is known are in `born`, with the time at which their history came.
    """

    segments: dict[tuple[int, int], float]
    histories: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    born: dict[int, float] = field(default_factory=dict)
    chosen: int = 0

    @property
    def timeline(self) -> int:
        """The timeline that recovery follows to its end: the one that was chosen, or the latest."""
        known = [timeline for timeline, _ in self.segments] + list(self.histories) + list(self.born)
        return self.chosen or max(known, default=1)

    def newest(self, timeline: int) -> int:
        """The number of the newest segment on a timeline, or -1."""
        return max((number for line, number in self.segments if line == timeline), default=-1)

    def goes_through(self, timeline: int, place: int) -> bool:
        """Whether recovery goes through a position of this timeline."""
        turns = self.histories.get(self.timeline, [])
        return timeline == self.timeline or any(line == timeline and place <= left for line, left in turns)

    def path(self, first: tuple[int, int], last: int | None = None) -> list[tuple[int, int]]:
        """Every segment that recovery reads, from `first` to the segment number `last`, or to the newest of all.

        A timeline may have archived nothing of its own yet; then all is read that comes before it was born.
        """
        turns = [(line, left // SEGMENT_BYTES) for line, left in self.histories.get(self.timeline, [])]
        if last is None:
            last = max(self.newest(self.timeline), first[1], turns[-1][1] - 1 if turns else 0)
        path = []
        for number in range(first[1], last + 1):
            line = next((line for line, turn in turns if line >= first[0] and number < turn), self.timeline)
            path.append((line, number))
        return path

    def left_behind(self) -> list[Stretch]:
        """What other timelines wrote and recovery does not go through."""
        turns = dict(self.histories.get(self.timeline, []))
        others = sorted({line for line, _ in self.segments} - {self.timeline})
        return [stretch for line in others if (stretch := self._stretch(line, turns.get(line)))]

    def _stretch(self, line: int, left: int | None) -> Stretch | None:
        """What a timeline wrote after it was left; or all of it, where it was not come through."""
        turn = (left or 0) // SEGMENT_BYTES
        own = {number: came for (other, number), came in self.segments.items() if other == line and number >= turn}
        if not own:
            return None
        first, until = min(own), max(own.values())
        if left is None:
            since = min(own[first], self.born.get(line, own[first]))
        elif max(own) > turn:
            # It was left somewhere in this segment, which began when the one before it came.
            since = self.segments.get((line, turn - 1), own[first])
        else:
            # The rest of one segment is what a primary leaves that is lost and followed by a standby.
            since = until
        begins = first * SEGMENT_BYTES if left is None else left
        return Stretch(line, begins, (max(own) + 1) * SEGMENT_BYTES, since, until)


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

    def info(self, *arguments: str) -> dict[str, Any]:
        """What `pgbackrest info` knows of the stanza; empty where it knows nothing."""
        command = ["pgbackrest", *self.options, "--log-level-file=off", "--log-level-console=off", "--output=json"]
        done = run([*command, *arguments, "info"], 300)
        if done.returncode:
            raise RepositoryError(cause(done.stderr))
        # A message with several lines is not escaped as JSON asks for.
        return next((dict(row) for row in json.loads(done.stdout, strict=False) if row["name"] == self.stanza), {})

    def databases(self, label: str) -> list[str] | None:
        """The databases of a backup, without those of the system; None where pgBackRest does not say."""
        try:
            backups = self.info(f"--set={label}").get("backup", [])
        except RepositoryError:
            return None
        named = next((backup["database-ref"] for backup in backups if "database-ref" in backup), None)
        return None if named is None else [database["name"] for database in named]

    def archive(self, archive_id: str, timeline: str = "") -> Archive:
        """The WAL of one cluster in this repository, for recovery along a timeline; the latest if none is named.

        Raises:
            RepositoryError: There is no such timeline.
        """
        place = f"archive/{self.stanza}/{archive_id}"
        listed = json.loads(self.ask("--output=json", "--recurse", "repo-ls", place))
        segments = {
            split(found[1]): float(entry["time"]) for name, entry in listed.items() if (found := SEGMENT.match(name))
        }
        born = {
            int(found[1], 16): float(entry["time"]) for name, entry in listed.items() if (found := HISTORY.match(name))
        }
        known = {line for line, _ in segments} | set(born)
        if timeline and timeline not in map(str, known):
            raise RepositoryError(f"it has no timeline {timeline}, only {', '.join(map(str, sorted(known))) or 'none'}")
        followed = int(timeline) if timeline else max(born, default=0)
        histories = {}
        if followed in born:
            histories[followed] = parse_history(self.ask("repo-get", f"{place}/{followed:08X}.history"))
        return Archive(segments, histories, born, chosen=int(timeline or 0))


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


def lsn(place: int) -> str:
    """A position of WAL as PostgreSQL writes it.

    >>> lsn(4294967312)
    '1/10'
    """
    return f"{place >> 32:X}/{place & 0xFFFFFFFF:X}"


def parse_history(text: str) -> list[tuple[int, int]]:
    r"""The timelines that one comes from, each with the position in bytes at which it was left.

    >>> [(line, lsn(left)) for line, left in parse_history("1\t0/3000148\tno recovery target specified\n")]
    [(1, '0/3000148')]
    """
    rows = (line.split() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return [(int(row[0]), position(row[1])) for row in rows]
