"""A drill as it might have been noted: a failover that went well, to be spoilt by each test in its own way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from drills.journal import Entry, Journal, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

INTERVAL = 0.05
TIMEOUT = 1.0

OPENED = {
    "schema": 1,
    "run": "20260101T000000Z-db_failover",
    "scenario": "db_failover",
    "title": "The primary's machine dies and does not come back.",
    "environment": "lab",
    "wall": "2026-01-01T00:00:00+00:00",
    "anchor": 1000.0,
    "version": "0.1.0",
    "commit": "0123456789abcdef",
    "controller": "control",
    "operator": "ada",
    "judges": [
        {"judge": "recovered_within", "objective": 10.0, "unit": "s"},
        {"judge": "no_acknowledged_write_lost", "objective": None, "unit": None},
        {"judge": "no_double_booking", "objective": None, "unit": None},
        {"judge": "one_primary_at_a_time", "objective": None, "unit": None},
    ],
    "site": {"database": ["db1", "db2", "db3"], "application": ["app1", "app2"]},
    "inventory": "inventories/lab",
}


@dataclass
class Story:
    """A run in the making; times are seconds since the anchor."""

    entries: list[Entry]
    samples: list[Sample]
    closed: float | None = 30.1

    def journal(self) -> Journal:
        """The run as a judge gets it, its entries numbered anew."""
        ordered = sorted(self.entries, key=lambda entry: entry.t)
        entries = tuple(replace(entry, seq=number) for number, entry in enumerate(ordered, start=1))
        opened = {"t": 0.5, "interval_s": INTERVAL, "timeout_s": TIMEOUT, "per_second": 20}
        closed = None if self.closed is None else {"kind": "closed", "t": self.closed}
        return Journal(entries, tuple(self.samples), opened if self.samples else None, closed)

    def add(self, t: float, kind: str, **data: Any) -> Story:  # noqa: ANN401  # JSON values
        self.entries.append(Entry(0, t, kind, data))
        return self

    def without(self, *kinds: str) -> Story:
        self.entries = [entry for entry in self.entries if entry.kind not in kinds]
        return self

    def change(self, chosen: Callable[[Sample], bool], **fields: Any) -> Story:  # noqa: ANN401  # as many types as fields
        self.samples = [replace(sample, **fields) if chosen(sample) else sample for sample in self.samples]
        return self

    def fail(self, begin: float, end: float) -> Story:
        """Every request that left from `begin` up to `end` timed out."""
        return self.change(
            lambda sample: begin <= sample.due < end,
            outcome="indeterminate",
            good=False,
            status=None,
            booking=None,
            server=None,
            timeline=None,
            because="timed out",
        )

    def serve(self, begin: float, end: float, server: str = "db2", timeline: int = 2) -> Story:
        """Every request from `begin` up to `end` was answered well."""
        self.samples = [
            served(sample.n, sample.due, server, timeline) if begin <= sample.due < end else sample
            for sample in self.samples
        ]
        return self

    def silence(self, begin: float, end: float) -> Story:
        """The workload asked nothing from `begin` up to `end`, and noted nothing."""
        self.samples = [sample for sample in self.samples if not begin <= sample.due < end]
        return self

    def read_back(self, t: float, number: int, *, complete: bool = True) -> Story:
        """Every acknowledged booking was found, and nothing else."""
        rows = [[one.key, one.seat, one.booking] for one in self.samples if one.acknowledged]
        return self.add(t, "read_back", round=number, complete=complete, because="cut short", rows=rows)

    def rows(self, number: int) -> list[list[Any]]:
        """The rows of one read-back, to be tampered with."""
        return next(
            entry.data["rows"] for entry in self.entries if entry.kind == "read_back" and entry.data["round"] == number
        )


def served(n: int, due: float, server: str, timeline: int) -> Sample:
    """A request that got the answer a customer should get."""
    asked = {"key": f"key-{n}", "seat": n, "booking": f"booking-{n}"}
    if n % 20 == 3:  # one seat in twenty is contested: this request wants the seat of the one before it
        taken = {"key": f"key-{n}", "seat": n - 1, "outcome": "refused", "status": 409}
        return Sample(n, due, due, due + 0.01, good=True, purpose="rival", **taken)  # type: ignore[arg-type]
    return Sample(
        n,
        due,
        due,
        due + 0.01,
        outcome="acknowledged",
        good=True,
        status=201,
        server=server,
        timeline=timeline,
        **asked,  # type: ignore[arg-type]
    )


def _looks(story: Story) -> None:
    for second in range(1, 31):
        before = second < 11
        states = {
            "db1": ("primary", 1, None) if before else ("off", None, None),
            "db2": ("standby", 1, "db1") if before else ("primary", 2, None),
            "db3": ("standby", 1, "db1") if before else ("standby", 2, "db2"),
        }
        for host, (state, timeline, source) in states.items():
            story.add(
                float(second), "looked", host=host, state=state, timeline=timeline, receiving_from=source, because=""
            )


@pytest.fixture
def failover() -> Story:
    """The fault at 10.0 s, the last failure at 11.95 s, served from 12.0 s to 30.0 s, healed at 34 s."""
    samples = [served(n, round(0.5 + n * INTERVAL, 3), "db1", 1) for n in range(591)]
    story = Story([Entry(1, 0.0, "opened", dict(OPENED))], samples)
    story.serve(12.0, 31.0).fail(10.0, 12.0)
    story.add(0.1, "gate", probe="replication_streaming", ok=True, because="two standbys stream")
    story.add(0.3, "workload_started", workload="bookings", per_second=20, interval_s=INTERVAL, timeout_s=TIMEOUT)
    story.add(9.9, "cure_registered", cure="c1", playbook="power_on.yml", limit="db1", variables={}, undoes="power")
    story.add(10.0, "fault_started", fault="HostPoweredOff", host="db1", targets=["db1"])
    story.add(10.2, "fault_confirmed", fault="HostPoweredOff", host="db1", because="the container has exited")
    story.add(10.6, "detected", probe="accepts_bookings", because="three refusals in a row")
    story.add(
        10.7,
        "runbook_started",
        runbook="db_failover",
        playbook="playbooks/db_failover.yml",
        variables={"db_failover_graceful": False},
        command="ansible-playbook playbooks/db_failover.yml",
    )
    _tasks(story)
    story.add(12.4, "runbook_ended", runbook="db_failover", exit_code=0, because="ok")
    _looks(story)
    story.add(30.2, "workload_ended", exit_code=0)
    story.read_back(31.0, 1).read_back(33.0, 2)
    story.add(34.0, "heal_started")
    story.add(36.0, "cure_applied", cure="c1", exit_code=0, because="ok")
    story.add(36.1, "heal_ended", heal="healed", because="one cure applied")
    return story.add(36.2, "closed", status="completed")


def _tasks(story: Story) -> None:
    tasks = [
        ("Refuse if the standby lags", "db2", 10.8, 11.0, "ok", "roles/postgresql/tasks/check.yml:3"),
        ("Fence the old primary", "db1", 11.0, 11.3, "unreachable", "roles/postgresql/tasks/fence.yml:3"),
        ("Promote the standby", "db2", 11.3, 11.8, "changed", "roles/postgresql/tasks/promote.yml:12"),
        ("Follow the new primary", "db3", 11.8, 12.3, "changed", "roles/postgresql/tasks/follow.yml:7"),
    ]
    for task, host, started, ended, outcome, path in tasks:
        story.add(
            ended,
            "task",
            runbook="db_failover",
            play="Promote",
            task=task,
            host=host,
            path=path,
            started=started,
            ended=ended,
            outcome=outcome,
            because="no route to host" if outcome == "unreachable" else "",
        )
