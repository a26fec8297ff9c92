"""Every certificate of an environment as a table for people and as metrics for Prometheus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible.module_utils.certificate import moment, span

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD = ("certificate", "host", "names", "issuer", "left", "until", "state")
METRICS = (
    ("not_after_seconds", "When the certificate expires, in seconds since 1970."),
    ("due", "1 when the certificate must be renewed."),
    ("readable", "1 when the certificate could be read, on its host and in a handshake."),
)


@dataclass(frozen=True)
class Row:
    """One certificate on one host; `error` says why it could not be read or is not served."""

    name: str
    host: str
    names: tuple[str, ...] = ()
    issuer: str = ""
    not_after: float = 0
    because: str = ""
    error: str = ""

    @property
    def place(self) -> str:
        """The certificate and its host; one that no host serves is named alone."""
        return f"{self.name} on {self.host}" if self.host else self.name

    def state(self, now: float) -> str:
        """In words: expired, wrong, due or good."""
        if self.not_after and self.not_after <= now:
            return "EXPIRED"
        if self.error:
            return f"WRONG: {self.error}"
        return f"due: {self.because}" if self.because else "good"

    def fails(self, now: float) -> bool:
        """Whether somebody must act now."""
        return bool(self.error) or self.not_after <= now

    def figures(self) -> dict[str, float]:
        """What is measured, by the names of METRICS; what was not read has no end."""
        end = {"not_after_seconds": self.not_after} if self.not_after else {}
        return {**end, "due": float(bool(self.because)), "readable": float(not self.error)}

    def cells(self, now: float) -> tuple[str, ...]:
        """What stands in the table."""
        if not self.not_after:
            return (self.name, self.host, "", "", "", "", self.state(now))
        left, until = span(self.not_after - now), moment(self.not_after)
        return (self.name, self.host, " ".join(self.names), self.issuer, left, until, self.state(now))


def row(seen: dict[str, Any]) -> Row:
    """A row of what was seen on a host: name, host, is_due, because, and what current, served and error are."""
    current, served = seen.get("current") or {}, seen.get("served") or {}
    error = seen.get("error") or ""
    if not current and not error:
        error = seen.get("because") or "it was not seen"
    if current and served and current["serial"] != served["serial"]:
        error = f"serves {served['serial']}, and {current['serial']} is the current one"
    return Row(
        name=seen["name"],
        host=seen["host"],
        names=tuple(current.get("names", ())),
        issuer=current.get("issuer", ""),
        not_after=float(current.get("not_after", 0)),
        because=seen.get("because") or "",
        error=error,
    )


def rows(seen: Sequence[dict[str, Any]], certificates: Sequence[dict[str, Any]], groups: dict[str, Any]) -> list[Row]:
    """A row of all that was seen, and of all that must be there: each certificate, on each host of its group."""
    found = [row(one) for one in seen]
    places = {(one.name, one.host) for one in found}
    for certificate in certificates:
        name, group = certificate["name"], certificate["hosts"]
        hosts = groups.get(group) or []
        if not hosts:
            found.append(Row(name, "", error=f"no host serves it: the group {group} has none"))
        found += [row({"name": name, "host": host}) for host in hosts if (name, host) not in places]
    return found


def failing(rows: Sequence[Row], now: float) -> list[str]:
    """What somebody must act on now, and that there is nothing at all, if so."""
    return [f"{one.place}: {one.state(now)}" for one in rows if one.fails(now)] or (
        [] if rows else ["the inventory describes no certificates, so nothing was looked at"]
    )


def table(rows: Sequence[Row], now: float) -> list[str]:
    """The lines of a table; what expires first comes first."""
    cells = [HEAD, *(one.cells(now) for one in sorted(rows, key=lambda one: (one.not_after, one.name, one.host)))]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def metrics(rows: Sequence[Row], environment: str, now: float) -> str:
    """The text that Prometheus reads, as node_exporter's textfile collector takes it."""
    lines = []
    for name, help_text in METRICS:
        lines += [f"# HELP drillbook_certificate_{name} {help_text}", f"# TYPE drillbook_certificate_{name} gauge"]
        for one in rows:
            value = one.figures().get(name)
            labels = f'environment="{environment}",certificate="{one.name}",host="{one.host}"'
            lines += [f"drillbook_certificate_{name}{{{labels}}} {value:.0f}"] if value is not None else []
    seen = "drillbook_certificate_report_seconds"
    lines += [f"# HELP {seen} When this was written, in seconds since 1970.", f"# TYPE {seen} gauge"]
    return "\n".join([*lines, f'{seen}{{environment="{environment}"}} {now:.0f}', ""])
