"""What lies in the release store is not what was published."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drills.connection import UnreachableError
from drills.faults.fault import FaultError, cure_of
from drills.probes.reading import Reading, look_until
from drills.site import DIGEST

if TYPE_CHECKING:
    from drills.cure import Cure
    from drills.site import Host

STORE = "/var/lib/release-store"
_SECONDS = 20.0
_CONFIRM_SECONDS = 5.0

# The original is kept whole before anything is changed, and the tampered one is always made of it: twice is as once.
_TAMPER = """set -eu
test -e "$1.before_drill" || { cp -p -- "$1" "$1.keeping"; sync "$1.keeping"; mv -- "$1.keeping" "$1.before_drill"; }
cp -p -- "$1.before_drill" "$1.tampering"
at=$(( $(stat -c %s "$1.tampering") / 2 ))
byte=$(( $(od -An -tu1 -j"$at" -N1 "$1.tampering") ^ 1 ))
printf "\\\\$(printf %03o "$byte")" | dd of="$1.tampering" bs=1 seek="$at" conv=notrunc status=none
mv -- "$1.tampering" "$1"
"""


@dataclass(frozen=True)
class ReleaseTampered:
    """One byte in the middle of a release's artifact is another one; `host` holds the release store."""

    host: Host
    digest: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The artifact on its host."""
        return (f"{self._file} on {self.host}",)

    def inject(self) -> None:
        """Keep the original beside it, then change the byte."""
        if not DIGEST.fullmatch(self.digest):
            raise FaultError(f"{self.digest} is no digest of a release")
        try:
            answer = self.host.ssh.run(
                f"sudo -n sh -c {shlex.quote(_TAMPER)} tamper {shlex.quote(self._file)}", timeout=_SECONDS
            )
        except UnreachableError as error:
            raise FaultError(str(error)) from error
        if answer.exit_code != 0:
            raise FaultError(f"{self._file} on {self.host}: {' '.join(answer.err.split())}")

    def confirm(self) -> Reading:
        """The artifact has another digest than its name says."""
        return look_until(self._look, seconds=_CONFIRM_SECONDS)

    def cure(self) -> Cure:
        """Put the original back."""
        return cure_of(self, "release_restored", {"cure_release_digest": self.digest})

    @property
    def _file(self) -> str:
        return f"{STORE}/{self.digest.removeprefix('sha256:')}.tar.gz"

    def _look(self) -> Reading:
        try:
            answer = self.host.ssh.run(f"sudo -n sha256sum -- {shlex.quote(self._file)}", timeout=_SECONDS)
        except UnreachableError as error:
            return Reading(ok=False, because=str(error))
        found = f"sha256:{answer.out.partition(' ')[0]}"
        if answer.exit_code != 0 or not DIGEST.fullmatch(found):
            return Reading(ok=False, because=f"{self._file} on {self.host}: {' '.join(answer.err.split())}")
        return Reading(found != self.digest, f"{self._file} has the digest {found}")
