"""What a fault is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from drills.cure import Cure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drills.probes.reading import Reading
    from drills.site import Host

CURES = "drills/faults/cures"


class FaultError(Exception):
    """The fault could not be done; the text says what was tried and what came back."""


class Fault(Protocol):
    """One way to hurt one host."""

    @property
    def host(self) -> Host:
        """The host that is hurt."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Everything that is hit, for the preview."""

    def inject(self) -> None:
        """Hurt; returns as soon as it is done, not when it shows.

        Raises:
            FaultError: It could not be done.
        """

    def confirm(self) -> Reading:
        """Look whether it hurt; may take a few seconds."""

    def cure(self) -> Cure:
        """What undoes it, as data."""


def cure_of(fault: Fault, playbook: str, variables: Mapping[str, object] | None = None) -> Cure:
    """The cure in `drills/faults/cures/<playbook>.yml`, limited to the host of the fault."""
    name = type(fault).__name__
    return Cure(
        cure=f"{playbook} {fault.host}",
        playbook=f"{CURES}/{playbook}.yml",
        limit=fault.host.name,
        undoes=f"fault {name} {fault.host}",
        variables=variables or {},
    )
