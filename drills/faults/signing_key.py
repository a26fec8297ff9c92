"""The key that tokens are signed with gets out.

It goes from the service's own file over SSH into the memory of this process, and through a pipe into that of the
thief's. No disk, argument, environment or journal ever has it, so there is nothing to wipe: who knew it forgets it when
the drill ends, in whatever way. What is left to undo is what would be in earnest: the service still trusts the key.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from drills.connection import UnreachableError
from drills.cure import Cure
from drills.faults.fault import FaultError
from drills.probes.reading import Reading, look_until

if TYPE_CHECKING:
    from drills.site import Host

FILE = "/etc/bookings/secrets/signing_keys.json"
ROTATION = "playbooks/key_rotation.yml"
_SECONDS = 10.0
_CONFIRM_SECONDS = 5.0


class Thief(Protocol):
    """Who gets the key."""

    def learn(self, kid: str, private_pem: str) -> None:
        """Take the key, and do harm with it from now on."""

    def accepted(self) -> int:
        """How many forged tokens the service has accepted so far."""


@dataclass(frozen=True)
class SigningKeyLeaked:
    """Somebody has the key that tokens are signed with; `host` is one on which the service runs."""

    host: Host
    thief: Thief = field(repr=False)

    @property
    def targets(self) -> tuple[str, ...]:
        """The key, where it is taken."""
        return (f"the signing key in {FILE} on {self.host}",)

    def inject(self) -> None:
        """Take the key, and give it to the thief."""
        self.thief.learn(*self._taken())

    def confirm(self) -> Reading:
        """A token that the thief forged was accepted."""
        return look_until(self._look, seconds=_CONFIRM_SECONDS)

    def cure(self) -> Cure:
        """Have the service trust another key; whoever followed that runbook in the story need not do so again."""
        return Cure(
            cure="key_rotation signing_key",
            playbook=ROTATION,
            limit=None,
            undoes=f"fault {type(self).__name__} {self.host}",
            variables={"key_rotation_kind": "signing_key", "key_rotation_leaked": True},
        )

    def _look(self) -> Reading:
        accepted = self.thief.accepted()
        return Reading(accepted > 0, f"{accepted} forged tokens were accepted so far")

    def _taken(self) -> tuple[str, str]:
        """The id of the key that signs, and the key. What goes wrong is told without a word of the file's content."""
        try:
            answer = self.host.ssh.run(f"sudo -n cat {FILE}", timeout=_SECONDS)
        except UnreachableError as error:
            raise FaultError(str(error)) from error
        if answer.exit_code != 0:
            raise FaultError(f"{FILE} on {self.host} cannot be read: {answer.err.strip()}")
        try:
            keys = json.loads(answer.out)
            kid = str(keys["current"])
            return kid, next(str(key["private_pem"]) for key in keys["keys"] if key["kid"] == kid)
        except (ValueError, KeyError, TypeError, StopIteration):
            raise FaultError(f"{FILE} on {self.host} holds no key that signs") from None
