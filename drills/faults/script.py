"""A fault that is done by a script, and looked for by another: root runs both on the host, over SSH."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from drills.connection import UnreachableError
from drills.faults.fault import FaultError, cure_of
from drills.probes.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drills.connection import Answer
    from drills.cure import Cure
    from drills.site import Host

_SECONDS = 90.0


@dataclass(frozen=True)
class ScriptedFault(ABC):
    """Two scripts that begin alike and get the same arguments. The harm done twice comes to the same as done once.

    What the look prints is what was seen; it ends with 0 for yes and with anything else for no. `CURE` is the
    playbook in `drills/faults/cures` that undoes the harm.
    """

    host: Host

    BEGIN: ClassVar[str] = ""
    HARM: ClassVar[str]
    LOOK: ClassVar[str]
    CURE: ClassVar[str]

    @property
    @abstractmethod
    def targets(self) -> tuple[str, ...]:
        """Everything that is hit."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """What both scripts get as $1, $2, …; never a secret."""
        return ()

    @property
    def variables(self) -> Mapping[str, object]:
        """What the cure gets."""
        return {}

    def inject(self) -> None:
        """Run the script that hurts.

        Raises:
            FaultError: It did not end well.
        """
        try:
            answer = self._run(self.HARM)
        except UnreachableError as error:
            raise FaultError(str(error)) from error
        if answer.exit_code != 0:
            raise FaultError(f"{type(self).__name__} on {self.host}: {_told(answer)}")

    def confirm(self) -> Reading:
        """Run the script that looks."""
        try:
            answer = self._run(self.LOOK)
        except UnreachableError as error:
            return Reading(ok=False, because=str(error))
        return Reading(answer.exit_code == 0, _told(answer))

    def cure(self) -> Cure:
        """The playbook that undoes it, on its host."""
        return cure_of(self, self.CURE, self.variables)

    def _run(self, script: str) -> Answer:
        words = [self.BEGIN + script, type(self).__name__, *self.arguments]
        return self.host.ssh.run(f"sudo -n sh -c {shlex.join(words)}", timeout=_SECONDS)


def _told(answer: Answer) -> str:
    return " ".join((answer.out + answer.err).split())[:300] or f"it ended with {answer.exit_code} and said nothing"
