"""The journal's entries as rows for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drills.journal import Entry, Journal

_TOLD_ELSEWHERE = frozenset({"opened", "task", "looked"})
_LONGEST = 300


def tasks(journal: Journal, start: float) -> tuple[tuple[str, ...], ...]:
    """Every task of every runbook on every host; seconds count from `start`."""
    entries = sorted(journal.all("task"), key=lambda entry: float(entry.get("started", entry.t)))
    return tuple(
        (
            f"{float(entry.get('started', entry.t)) - start:.2f}",
            f"{float(entry.get('ended', entry.t)) - float(entry.get('started', entry.t)):.2f}",
            str(entry.get("host")),
            str(entry.get("task")),
            str(entry.get("path")),
            str(entry.get("outcome")),
            _short(str(entry.get("because") or "")),
        )
        for entry in entries
    )


def log(journal: Journal, start: float) -> tuple[tuple[str, ...], ...]:
    """Every other entry but the looks, in the journal's order."""
    return tuple(
        (f"{entry.t - start:.2f}", entry.kind, _details(entry))
        for entry in journal.entries
        if entry.kind not in _TOLD_ELSEWHERE
    )


def looks(journal: Journal, start: float) -> tuple[tuple[str, ...], ...]:
    """The looks that found a host in another state than the look before."""
    known: dict[str, tuple[Any, ...]] = {}
    rows = []
    for entry in journal.all("looked"):
        host = str(entry.get("host"))
        state = (entry.get("state"), entry.get("timeline"), entry.get("receiving_from"))
        if known.get(host) != state:
            known[host] = state
            told = ("-" if value is None else str(value) for value in state)
            rows.append((f"{entry.t - start:.2f}", host, *told, _short(str(entry.get("because") or ""))))
    return tuple(rows)


def _details(entry: Entry) -> str:
    told = {name: value for name, value in entry.data.items() if name != "rows"}
    if "rows" in entry.data:
        told["rows"] = f"{len(entry.data['rows'])} bookings"
    return _short(", ".join(f"{name}: {_value(value)}" for name, value in told.items()))


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_value(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={_value(one)}" for name, one in value.items()) or "none"
    return str(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… (whole in journal.jsonl)"
