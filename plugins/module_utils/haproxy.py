"""HAProxy's admin socket: what is asked there, and what the answers mean."""

from __future__ import annotations

import csv
import os
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SOCKET = "/run/haproxy/admin.sock"
SWITCHES = "/etc/haproxy/switches.map"
CHALLENGES = "/etc/haproxy/challenges.map"
PATIENCE_S = 3.0

# Bits of a server's administrative state, as `show servers state` prints it: by hand, inherited, configured, by DNS.
DRAIN_BITS = 0x08 | 0x10
MAINTENANCE_BITS = 0x01 | 0x02 | 0x04 | 0x20


def connect(path: str) -> socket.socket:
    """A connection to the admin socket; whoever answers too late is given up."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(PATIENCE_S)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection


def ask(path: str, command: str) -> str:
    """The answer of HAProxy's admin socket to `command`."""
    with connect(path) as connection:
        connection.sendall(command.encode() + b"\n")
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer.decode()


def statistics(answer: str) -> Iterator[dict[str, str]]:
    """The rows of the CSV that `show stat` prints: one for each frontend, backend and server."""
    return csv.DictReader(answer.removeprefix("# ").splitlines())


def usable_servers(answer: str, backends: list[str]) -> int:
    """How many servers of these backends can be given requests, by the CSV that `show stat` prints."""
    rows = [row for row in statistics(answer) if row["pxname"] in backends and row["svname"] == "BACKEND"]
    return sum(int(row["act"]) + int(row["bck"]) for row in rows)


def administrative_states(answer: str) -> dict[tuple[str, str], str]:
    """What people made of each server, as (backend, server) -> ready, drain or maint: from `show servers state`.

    The statistics do not tell: a server that is drained and does not answer is only DOWN there.
    """
    lines = [line.split() for line in answer.splitlines() if line and not line.startswith("# ")]
    rows = [fields for fields in lines if len(fields) > 1]  # the first line is the format's version alone
    return {(fields[1], fields[3]): _state(int(fields[6])) for fields in rows}


def _state(bits: int) -> str:
    if bits & MAINTENANCE_BITS:
        return "maint"
    return "drain" if bits & DRAIN_BITS else "ready"


def running_switches(answer: str) -> dict[str, str]:
    """The switches that hold now, from `show map`: each line has an address in memory, the key and the value."""
    entries = [line.split() for line in answer.splitlines() if line.startswith("0x")]
    return {entry[1]: entry[2] for entry in entries}


def kept_switches(text: str) -> dict[str, str]:
    """The switches that hold after the next start, from the map file."""
    entries = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return {entry[0]: entry[1] for entry in entries if len(entry) > 1}


def with_switch(text: str, key: str, value: str) -> str:
    """The map file with another value for one switch; all other lines stay as they are."""
    switch = f"{key} {value}"
    lines = [switch if line.split()[:1] == [key] else line for line in text.splitlines()]
    return "\n".join(lines if switch in lines else [*lines, switch]) + "\n"


def without_switch(text: str, key: str) -> str:
    """The map file without one key."""
    return "".join(f"{line}\n" for line in text.splitlines() if line.split()[:1] != [key])


def write_map(path: str, text: str) -> None:
    """Writes a map file, which is the old one or the new one at every moment, and survives a power cut."""
    beside = f"{path}.new"
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), os.stat(path).st_mode)
        os.fsync(file.fileno())
    os.replace(beside, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_switches(path: str) -> dict[str, str]:
    """The switches in the map file; none where there is no file."""
    try:
        with open(path, encoding="utf-8") as file:
            return kept_switches(file.read())
    except FileNotFoundError:
        return {}


def other_colour(live: Any) -> str:  # noqa: ANN401  whatever stands in the map
    """The colour that customers do not get."""
    return "green" if live == "blue" else "blue"
