"""What happened, in order: append-only JSON Lines, fsynced line by line, and read back.

A run's folder holds such files, written on one monotonic clock: `journal.jsonl` by the engine, `ledger.jsonl`,
`handshakes.jsonl` and `forgeries.jsonl` by the workloads' own processes. Every `t` is in seconds since the anchor.
"""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from drills.errors import UsageError
from drills.forgeries import ForgeryLedger, read_forgeries
from drills.handshakes import HandshakeLedger, read_handshakes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

T = TypeVar("T")

SCHEMA = 1
JOURNAL = "journal.jsonl"
LEDGER = "ledger.jsonl"
HANDSHAKES = "handshakes.jsonl"
FORGERIES = "forgeries.jsonl"

_OWN_FIELDS = frozenset({"seq", "t", "kind"})


@dataclass(frozen=True)
class Entry:
    """One thing that happened, `t` seconds after the run's anchor."""

    seq: int
    t: float
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401  # the values are JSON's
        """The named field of this entry, or `default` where it was not noted."""
        return self.data.get(name, default)


@dataclass(frozen=True)
class Sample:
    """One request that a customer made or should have made, and what became of it.

    `outcome` is acknowledged, refused, indeterminate or missed (a tick at which nothing could be sent).
    `due`, `sent` and `ended` are seconds since the run's anchor. `good` is true only for the answer that
    a customer should get, within the workload's timeout. `release` is the digest of the release that
    answered, None where the answer named none.
    """

    n: int
    due: float
    sent: float | None = None
    ended: float | None = None
    outcome: str = "indeterminate"
    good: bool = False
    status: int | None = None
    purpose: str = "book"
    key: str | None = None
    seat: int | None = None
    booking: str | None = None
    server: str | None = None
    timeline: int | None = None
    release: str | None = None
    because: str = ""

    @property
    def moment(self) -> float:
        """When the service was asked, or should have been."""
        return self.due if self.sent is None else self.sent

    @property
    def took_s(self) -> float | None:
        """How long the customer waited for the answer, in seconds; None where none came."""
        return None if self.sent is None or self.ended is None else self.ended - self.sent

    @property
    def acknowledged(self) -> bool:
        """Whether the service said that the booking is committed."""
        return self.outcome == "acknowledged"


@dataclass(frozen=True)
class Journal:
    """Everything that a judge may know of a run.

    `cut` says that the journal's last line was torn, so that its writer died; `ledger_closed` is None
    when the workload did not end in an orderly manner. `handshakes` is None where nobody was to shake hands, and
    `forgeries` where nobody was to forge tokens.
    """

    entries: tuple[Entry, ...]
    samples: tuple[Sample, ...] = ()
    ledger_opened: Mapping[str, Any] | None = None
    ledger_closed: Mapping[str, Any] | None = None
    cut: bool = False
    handshakes: HandshakeLedger | None = None
    forgeries: ForgeryLedger | None = None

    @property
    def opened(self) -> Entry:
        """The first entry: who drilled what, where, and what was promised."""
        return self.entries[0]

    def all(self, kind: str) -> tuple[Entry, ...]:
        """Every entry of this kind, in order."""
        return tuple(entry for entry in self.entries if entry.kind == kind)

    def first(self, kind: str) -> Entry | None:
        """The first entry of this kind, if there is one."""
        return next((entry for entry in self.entries if entry.kind == kind), None)

    def last(self, kind: str) -> Entry | None:
        """The last entry of this kind, if there is one."""
        return next((entry for entry in reversed(self.entries) if entry.kind == kind), None)


class JournalWriter:
    """Notes what happens; once `note` returns, the line has reached the disk.

    A journal that exists is continued, so that another process can heal after the first was killed. A torn
    last line is dropped then: its `note` never returned, so nobody relied on it.
    """

    def __init__(self, path: Path, anchor: float) -> None:
        """Open the journal at `path`; `anchor` is the raw monotonic second that counts as zero."""
        self._anchor = anchor
        self._lock = threading.Lock()
        self._seq = 0
        self._file = path.open("a+b")
        self._continue()
        _sync_folder(path.parent)

    def note(self, kind: str, t: float | None = None, **data: Any) -> Entry:  # noqa: ANN401  # JSON values
        """Append one entry and wait until it is on the disk.

        Args:
            kind: What sort of thing happened.
            t: Seconds since the anchor; now, if not given.
            **data: The entry's own fields; what JSON does not know is written as text.

        Raises:
            ValueError: A field is called seq, which every entry has of its own.
            OSError: The disk refused the line.
        """
        if "seq" in data:
            raise ValueError("the field name 'seq' belongs to the journal")
        with self._lock:
            moment = time.monotonic() - self._anchor if t is None else t
            entry = Entry(self._seq + 1, round(moment, 6), kind, data)
            line = json.dumps({"seq": entry.seq, "t": entry.t, "kind": kind, **data}, default=str, ensure_ascii=False)
            self._file.write(line.encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            self._seq = entry.seq
        return entry

    def close(self) -> None:
        """Close the file; nothing can be noted afterwards."""
        self._file.close()

    def _continue(self) -> None:
        """Find the last whole line, and go on from its number."""
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        self._file.truncate(whole)
        lines = content[:whole].splitlines()
        self._seq = int(json.loads(lines[-1])["seq"]) if lines else 0


def read_journal(run_dir: Path, *, tolerate_cut: bool = False) -> Journal:
    """Read a run back from its folder.

    A torn last line of the ledger is dropped always: it means that the workload was killed, and the missing
    `closed` line says so to the judges. A torn journal is refused unless `tolerate_cut`.

    Raises:
        UsageError: The journal is missing, torn, damaged, or of another schema.
    """
    path = run_dir / JOURNAL
    if not path.is_file():
        raise UsageError(
            f"{run_dir} holds no {JOURNAL}",
            "name the folder of a run, such as runs/20260101T000000Z-db_failover",
        )
    lines, cut = _json_lines(path)
    if cut and not tolerate_cut:
        raise UsageError(
            f"the last line of {path} is torn: the drill was killed while it wrote",
            f"drillbook heal {run_dir}",
        )
    entries = tuple(_entries(path, lines))
    _check_opened(path, entries)
    return replace(
        _with_ledger(run_dir / LEDGER, entries, cut=cut),
        handshakes=_if_kept(run_dir / HANDSHAKES, read_handshakes),
        forgeries=_if_kept(run_dir / FORGERIES, read_forgeries),
    )


def _if_kept(path: Path, read: Callable[[Path, list[dict[str, Any]]], T]) -> T | None:
    """What is read from the lines of a ledger that not every run has."""
    return read(path, _json_lines(path)[0]) if path.is_file() else None


def _with_ledger(path: Path, entries: tuple[Entry, ...], *, cut: bool) -> Journal:
    lines = _json_lines(path)[0] if path.is_file() else []
    opened = next((line for line in lines if line.get("kind") == "opened"), None)
    closed = next((line for line in lines if line.get("kind") == "closed"), None)
    try:
        samples = _samples(lines, float(opened["timeout_s"]) if opened else 0.0)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is damaged: {error!r}", "restore the run's folder from a copy") from error
    return Journal(entries, samples, opened, closed, cut=cut)


def _entries(path: Path, lines: list[dict[str, Any]]) -> Iterator[Entry]:
    """The entries, numbered without a hole: a line that was taken out is noticed."""
    for number, line in enumerate(lines, start=1):
        if line.get("seq") != number or "t" not in line or "kind" not in line:
            raise UsageError(
                f"line {number} of {path} is not entry {number} of a journal: {str(line)[:80]}",
                "restore the run's folder from a copy; a journal is never edited",
            )
        data = {name: value for name, value in line.items() if name not in _OWN_FIELDS}
        yield Entry(number, float(line["t"]), str(line["kind"]), data)


def _check_opened(path: Path, entries: tuple[Entry, ...]) -> None:
    if not entries or entries[0].kind != "opened":
        raise UsageError(f"{path} does not begin with the entry 'opened'", "run the drill again")
    if entries[0].get("schema") != SCHEMA:
        raise UsageError(
            f"{path} has schema {entries[0].get('schema')!r}, this version reads schema {SCHEMA}",
            f"use the version of drillbook that wrote it: {entries[0].get('version', 'not noted')}",
        )


def _json_lines(path: Path) -> tuple[list[dict[str, Any]], bool]:
    """The objects of a file, and whether its last line was torn.

    Raises:
        UsageError: A line before the last one is no JSON object: that is damage, not a sudden end.
    """
    raw = path.read_bytes().split(b"\n")
    torn = raw.pop() != b""
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(raw, start=1):
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict):
            raise UsageError(f"line {number} of {path} is damaged", "restore the run's folder from a copy")
        lines.append(line)
    return lines, torn


def _samples(lines: list[dict[str, Any]], timeout_s: float) -> tuple[Sample, ...]:
    """One sample for each tick, in the order in which they were due."""
    answers = {int(line["n"]): line for line in lines if line.get("kind") == "answered"}
    ticks = [line for line in lines if line.get("kind") in {"sent", "missed"}]
    if len({int(line["n"]) for line in ticks}) != len(ticks):
        raise ValueError("two ticks bear the same number n")
    if not answers.keys() <= {int(line["n"]) for line in ticks if line["kind"] == "sent"}:
        raise ValueError("an answer belongs to no request that was sent")
    samples = (_sample(line, answers.get(int(line["n"])), timeout_s) for line in ticks)
    return tuple(sorted(samples, key=lambda sample: (sample.due, sample.n)))


def _sample(tick: Mapping[str, Any], answer: Mapping[str, Any] | None, timeout_s: float) -> Sample:
    n, due = int(tick["n"]), float(tick["due"])
    if tick["kind"] == "missed":
        return Sample(n, due, outcome="missed", because=str(tick.get("because", "")))
    sent = float(tick["t"])
    asked = {"purpose": str(tick["purpose"]), "key": tick["key"], "seat": tick["seat"]}
    if answer is None:
        return Sample(n, due, sent, because="never answered", **asked)
    ended = float(answer["t"])
    return Sample(
        n,
        due,
        sent,
        ended,
        outcome=str(answer["outcome"]),
        # the workload's word alone is not enough: an answer after the timeout served nobody
        good=answer["good"] is True and ended - sent <= timeout_s,
        status=answer.get("status"),
        booking=answer.get("booking"),
        server=answer.get("server"),
        timeline=answer.get("timeline"),
        release=answer.get("release"),
        because=str(answer.get("because") or ""),
        **asked,
    )


def _sync_folder(folder: Path) -> None:
    """Make the file's name durable, not only its content."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
