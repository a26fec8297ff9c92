"""What a look at a database host means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from drills.connection import Answer, UnreachableError
from drills.out_of_band import OutOfBandError
from drills.probes.database import look, psql
from drills.site import Host

NAMES = {"10.0.0.31": "db1", "db2": "db2"}


@dataclass
class Wire:
    """SSH or the console of a host, as the test says."""

    answer: Answer | Exception
    power: str = "on"
    address: str = "10.0.0.32"

    def run(self, _command: str, *, timeout: float) -> Answer:
        assert timeout > 0
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def power_state(self) -> str:
        return self.power


def host(ssh: Any, out_of_band: Any = None) -> Host:  # noqa: ANN401  # stand-ins
    made = Host("db2")
    made.__dict__.update(ssh=ssh, out_of_band=out_of_band)
    return made


@pytest.mark.parametrize(
    ("answer", "state", "timeline", "receiving_from"),
    [
        (Answer(0, "f|7|\n", ""), "primary", 7, None),
        (Answer(0, "t|7|10.0.0.31\n", ""), "standby", 7, "db1"),
        (Answer(0, "t|7|10.9.9.9\n", ""), "standby", 7, "10.9.9.9"),
        (Answer(0, "t||\n", ""), "standby", None, None),
        (Answer(0, "", ""), "silent", None, None),
        (Answer(124, "", ""), "silent", None, None),
        (Answer(2, "", "psql: error: connection refused"), "silent", None, None),
    ],
)
def test_what_psql_says(answer: Answer, state: str, timeline: int | None, receiving_from: str | None) -> None:
    seen = look(host(Wire(answer)), NAMES)
    assert (seen.state, seen.timeline, seen.receiving_from) == (state, timeline, receiving_from)


def test_a_host_without_power_is_off() -> None:
    dead = UnreachableError("SSH to 10.0.0.32: timed out")
    assert look(host(Wire(dead), Wire(dead, power="off")), NAMES).state == "off"


def test_a_host_that_is_cut_off_is_seen_by_its_console() -> None:
    seen = look(host(Wire(UnreachableError("timed out")), Wire(Answer(0, "f|1|\n", ""))), NAMES)
    assert seen.state == "primary"
    assert "by the console" in seen.because


def test_a_host_that_nobody_can_ask_is_unreachable() -> None:
    seen = look(host(Wire(UnreachableError("timed out")), Wire(OutOfBandError("no console"))), NAMES)
    assert seen.state == "unreachable"
    assert "no console" in seen.because


def test_a_host_that_came_back_is_seen_over_ssh_again() -> None:
    back = host(Wire(Answer(0, "t|2|10.0.0.31\n", "")), Wire(Answer(0, "f|1|\n", "")))
    assert look(back, NAMES, by_console=True).state == "standby"


def test_sql_is_quoted_for_the_shell() -> None:
    assert psql(host(None), "SELECT 'a'\n  AS b").endswith("""-c 'SELECT '"'"'a'"'"' AS b'""")
