"""The primary brings no WAL away any more, and nobody is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drills.faults.script import ScriptedFault

_ASK = """set -u
cd /
ask() { runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -d postgres -c "$1"; }
"""
_STOP = """set -e
ask "ALTER SYSTEM SET archive_command = ''"
ask "SELECT pg_reload_conf()" > /dev/null
ask "SELECT pg_switch_wal() FROM pg_logical_emit_message(true, 'archiver', '')" > /dev/null
"""
# The settings are read again by and by, so the look waits a little.
_WAITS = """for _ in 1 2 3 4 5 6 7 8 9 10; do
  waiting=$(ask "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'")
  command=$(ask "SHOW archive_command")
  test "$command" = "" && test "$waiting" -gt 0 && break
  sleep 0.5
done
echo "archive_command is '$command', and $waiting finished segments wait"
test "$command" = "" && test "$waiting" -gt 0
"""


@dataclass(frozen=True)
class ArchiverStopped(ScriptedFault):
    """The primary's archive_command is empty, as after a maintenance that was forgotten: nothing fails, all waits.

    The newest backup can be restored to an ever older state alone, while everything looks well.
    """

    BEGIN: ClassVar[str] = _ASK
    HARM: ClassVar[str] = _STOP
    LOOK: ClassVar[str] = _WAITS
    CURE: ClassVar[str] = "archiver_started"

    @property
    def targets(self) -> tuple[str, ...]:
        """The setting."""
        return (f"archive_command on {self.host}",)
