"""Power and console of a host that need nothing of its network: what a fault and its cure rely on.

An adapter is found by the name in the inventory variable `out_of_band_adapter`; `out_of_band_id` says which
machine is meant. To add one (libvirt, IPMI, a cloud), write the four methods and list the class in `ADAPTERS`.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any, Literal, Protocol

from drills.connection import Answer
from drills.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Power = Literal["on", "off", "unknown"]
PODMAN_SECONDS = 20.0


class OutOfBandError(Exception):
    """The adapter could not do what it was asked; the text holds its own words."""


class Adapter(Protocol):
    """Reaches a machine past its own network."""

    def power_state(self) -> Power:
        """Whether the machine has power; `unknown` when nobody can tell."""

    def power_off(self) -> None:
        """Take the power away at once, with no chance to write anything down.

        Raises:
            OutOfBandError: The power could not be taken away.
        """

    def power_on(self) -> None:
        """Give the power back; nothing happens when the machine has it.

        Raises:
            OutOfBandError: The power could not be given.
        """

    def run(self, command: str, *, timeout: float) -> Answer:
        """Run one shell command as root at the machine's console, `timeout` seconds at most.

        Raises:
            OutOfBandError: The console does not answer.
        """


class PodmanAdapter:
    """A host of the lab: a container that boots systemd, on this machine."""

    def __init__(self, container: str) -> None:
        """`container` is its name, as `podman ps` shows it."""
        self._container = container

    def power_state(self) -> Power:
        """Whether the container runs."""
        answer = _podman("inspect", "--type", "container", "--format", "{{json .State}}", self._container)
        if answer.exit_code != 0:
            return "unknown"
        return "on" if json.loads(answer.out).get("Running") else "off"

    def power_off(self) -> None:
        """Kill the container's first process, as a power cut does."""
        _must("kill", "--signal", "KILL", self._container)

    def power_on(self) -> None:
        """Start the container."""
        _must("start", self._container)

    def run(self, command: str, *, timeout: float) -> Answer:
        """Run one shell command inside the container."""
        answer = _podman("exec", "--user", "root", self._container, "sh", "-c", command, timeout=timeout)
        if answer.exit_code == 125 or "is not running" in answer.err:  # noqa: PLR2004  # podman's own failure
            raise OutOfBandError(f"podman exec {self._container}: {answer.err.strip()}")
        return answer


ADAPTERS: Mapping[str, type[PodmanAdapter]] = {"podman": PodmanAdapter}


def adapter_for(host: str, variables: Mapping[str, Any]) -> Adapter:
    """The adapter that the inventory names for this host.

    Raises:
        UsageError: The inventory names none, or one that does not exist.
    """
    name, machine = variables.get("out_of_band_adapter"), variables.get("out_of_band_id")
    if not isinstance(name, str) or name not in ADAPTERS or not machine:
        raise UsageError(
            f"{host} has out_of_band_adapter={name!r} and out_of_band_id={machine!r}; "
            f"known adapters: {', '.join(ADAPTERS)}",
            f"set both variables for {host} in the inventory: the fault needs power or console of the host",
        )
    return ADAPTERS[name](str(machine))


def _podman(*arguments: str, timeout: float = PODMAN_SECONDS) -> Answer:
    try:
        done = subprocess.run(["podman", *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise OutOfBandError(f"podman {arguments[0]} took longer than {timeout:g} s") from error
    except OSError as error:
        raise OutOfBandError(f"podman cannot be run: {error}") from error
    return Answer(done.returncode, done.stdout, done.stderr)


def _must(*arguments: str) -> None:
    answer = _podman(*arguments)
    if answer.exit_code != 0:
        raise OutOfBandError(f"podman {' '.join(arguments)}: {answer.err.strip()}")
