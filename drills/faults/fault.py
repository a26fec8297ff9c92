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


def cure_of(
    fault: Fault, playbook: str, variables: Mapping[str, object] | None = None, *, limit: str | None = None
) -> Cure:
    """The cure in `drills/faults/cures/<playbook>.yml`, limited to the host of the fault or to another `limit`.

    Its id names everything it works on, so that two faults on one host have two cures.
    """
    name = type(fault).__name__
    limit = limit or fault.host.name
    return Cure(
        cure=" ".join([playbook, limit, *(str(value) for value in (variables or {}).values())]),
        playbook=f"{CURES}/{playbook}.yml",
        limit=limit,
        undoes=f"fault {name} {fault.host}",
        variables=variables or {},
    )
