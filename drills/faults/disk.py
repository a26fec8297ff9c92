"""There is no room on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from drills.faults.script import ScriptedFault

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOUNT = """set -eu
! mountpoint -q "$1" || exit 0
test -z "$(ls -A "$1" 2> /dev/null)" || { echo "$1 holds something" >&2; exit 1; }
install -d -o postgres -g postgres -m 0700 "$1"
mount -t tmpfs -o "size=$2m,mode=0700,uid=$(id -u postgres),gid=$(id -g postgres)" before_drill "$1"
"""
_IS_SMALL = """mountpoint -q "$1" || { echo "$1 is on the same disk as before"; exit 1; }
free=$(df --output=avail -B1M "$1" | tail -n 1)
echo "$1 has $((free)) MB free"
test "$free" -le "$2"
"""


@dataclass(frozen=True)
class DiskTooSmall(ScriptedFault):
    """A directory, empty or not there yet, is a disk of its own, of a few megabytes."""

    directory: str
    megabytes: int = 20

    HARM: ClassVar[str] = _MOUNT
    LOOK: ClassVar[str] = _IS_SMALL
    CURE: ClassVar[str] = "disk_removed"

    @property
    def targets(self) -> tuple[str, ...]:
        """The directory."""
        return (f"{self.directory} on {self.host}",)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Where, and how small."""
        return (self.directory, str(self.megabytes))

    @property
    def variables(self) -> Mapping[str, object]:
        """Where."""
        return {"cure_directory": self.directory}
