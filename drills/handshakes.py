"""The ledger of those who shake hands, read back: one handshake for each tick, in the order in which they were due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drills.attempts import first_of, read_attempts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GOOD = "good"


@dataclass(frozen=True)
class Handshake:
    """One TLS connection that a client opened or should have opened, and what became of it.

    `outcome` is good, missed (a tick at which none could be begun), unanswered (the workload died first), or what
    went wrong: refused, reset, timeout, unreachable, expired, not_yet_valid, wrong_name, untrusted, tls, answer.
    `due`, `begun`, `shaken` and `ended` are seconds since the run's anchor.
    """

    n: int
    due: float
    begun: float | None = None
    shaken: float | None = None
    ended: float | None = None
    outcome: str = "unanswered"
    serial: str | None = None
    fingerprint: str | None = None
    not_after: str | None = None
    because: str = ""

    @property
    def good(self) -> bool:
        """Whether the certificate was as it should be, and the connection worked."""
        return self.outcome == GOOD

    @property
    def moment(self) -> float:
        """When hands were held out, or should have been."""
        return self.due if self.begun is None else self.begun

    @property
    def took_s(self) -> float | None:
        """From the first packet to the end of the handshake, in seconds; None where there was none."""
        return None if self.begun is None or self.shaken is None else self.shaken - self.begun


@dataclass(frozen=True)
class HandshakeLedger:
    """All handshakes of a run; `closed` is None when the workload did not end in an orderly manner."""

    handshakes: tuple[Handshake, ...]
    opened: Mapping[str, Any] | None
    closed: Mapping[str, Any] | None


def read_handshakes(path: Path, lines: list[dict[str, Any]]) -> HandshakeLedger:
    """Make sense of the lines of the ledger at `path`.

    Raises:
        UsageError: They are none of a ledger of handshakes.
    """
    return HandshakeLedger(read_attempts(path, lines, _handshake), first_of(lines, "opened"), first_of(lines, "closed"))


def _handshake(tick: Mapping[str, Any], end: Mapping[str, Any] | None) -> Handshake:
    n, due = int(tick["n"]), float(tick["due"])
    if tick["kind"] == "missed":
        return Handshake(n, due, outcome="missed", because=str(tick.get("because", "")))
    if end is None:
        return Handshake(n, due, float(tick["t"]), because="the workload died before it ended")
    return Handshake(
        n,
        due,
        float(tick["t"]),
        None if end.get("shaken") is None else float(end["shaken"]),
        float(end["t"]),
        str(end["outcome"]),
        end.get("serial"),
        end.get("fingerprint"),
        end.get("not_after"),
        str(end.get("because") or ""),
    )
