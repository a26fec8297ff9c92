"""A cluster that was restored from a backup is damaged or lacks something, before anybody has verified it.

`host` has the restored cluster, which stands beside the live one. Its backup is whole, so the cure is to remove it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from drills.faults.script import ScriptedFault

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASK = """set -u
cd /
port=$2
ask() { runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -p "$port" -d "$@"; }
"""

_EMPTY = """set -e
tables=$(ask "$3" -c "SELECT string_agg(relid::regclass::text, ', ') FROM pg_stat_user_tables")
test -n "$tables" || { echo "$3 has no tables" >&2; exit 1; }
ask "$3" -c "TRUNCATE $tables CASCADE"
"""
_IS_EMPTY = """found=$(ask "$3" -c "SELECT sum((pg_relation_size(relid) > 0)::int), count(*) FROM pg_stat_user_tables")
echo "${found%|*} of ${found#*|} tables of $3 hold anything"
test "${found%|*}" = 0 && test "${found#*|}" -gt 0
"""

_DROP_ROLE = """set -e
echo 'DROP ROLE IF EXISTS :"name"' | ask postgres -v name="$3"
"""
_HAS_NO_ROLE = """found=$(echo "SELECT count(*) FROM pg_roles WHERE rolname = :'name'" | ask postgres -v name="$3")
echo "$found roles are called $3"
test "$found" = 0
"""

_DROP_EXTENSION = """set -e
echo 'DROP EXTENSION IF EXISTS :"name" CASCADE' | ask "$3" -v name="$4"
"""
_HAS_NO_EXTENSION = """found=$(echo "SELECT count(*) FROM pg_extension WHERE extname = :'name'" | ask "$3" -v name="$4")
echo "$3 has $found extensions called $4"
test "$found" = 0
"""

# Rows are stored from the end of a page on, so this byte belongs to the first row. One that cannot be read is not
# flipped back.
_FLIP = """set -e
said=$(echo 'SELECT count(one) FROM :name AS one' | ask "$3" -v name="$4" 2>&1) ||
  case "$said" in *'invalid page'*) exit 0 ;; *) echo "$said" >&2; exit 1 ;; esac
version=$(pg_lsclusters --no-header | awk -v cluster="$1" '$2 == cluster {print $1}')
data=$(ask "$3" -c 'SHOW data_directory')
file=$data/$(echo "SELECT pg_relation_filepath(:'name')" | ask "$3" -v name="$4")
pg_ctlcluster "$version" "$1" stop
byte=$(( $(od -An -tu1 -j8000 -N1 "$file") ^ 1 ))
printf "\\\\$(printf %03o "$byte")" | dd of="$file" bs=1 seek=8000 conv=notrunc status=none
pg_ctlcluster "$version" "$1" start
"""
_CANNOT_BE_READ = """said=$(echo 'SELECT count(one) FROM :name AS one' | ask "$3" -v name="$4" 2>&1)
echo "$4 of $3: $said"
echo "$said" | grep -q 'invalid page'
"""


@dataclass(frozen=True)
class RestoredFault(ScriptedFault):
    """The restored cluster by its name and port."""

    cluster: str
    port: int

    BEGIN: ClassVar[str] = _ASK
    CURE: ClassVar[str] = "restored_dropped"

    @property
    def arguments(self) -> tuple[str, ...]:
        """Which cluster, and what of it."""
        return (self.cluster, str(self.port), *self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """What of the cluster is harmed, from the outside to the inside."""
        return ()

    @property
    def targets(self) -> tuple[str, ...]:
        """What is harmed, and where."""
        return (f"{' '.join(self.names)} in the restored cluster {self.cluster} on {self.host}",)

    @property
    def variables(self) -> Mapping[str, object]:
        """Which cluster to remove."""
        return {"cure_cluster": self.cluster}


@dataclass(frozen=True)
class DatabaseEmptied(RestoredFault):
    """The database is there with all its tables, and no table has a row."""

    database: str

    HARM: ClassVar[str] = _EMPTY
    LOOK: ClassVar[str] = _IS_EMPTY

    @property
    def names(self) -> tuple[str, ...]:
        """The database."""
        return (self.database,)


@dataclass(frozen=True)
class RoleDropped(RestoredFault):
    """A role is missing."""

    role: str

    HARM: ClassVar[str] = _DROP_ROLE
    LOOK: ClassVar[str] = _HAS_NO_ROLE

    @property
    def names(self) -> tuple[str, ...]:
        """The role."""
        return (self.role,)


@dataclass(frozen=True)
class ExtensionDropped(RestoredFault):
    """An extension of a database is missing, and all that needs it."""

    database: str
    extension: str

    HARM: ClassVar[str] = _DROP_EXTENSION
    LOOK: ClassVar[str] = _HAS_NO_EXTENSION

    @property
    def names(self) -> tuple[str, ...]:
        """The database and the extension."""
        return (self.database, self.extension)


@dataclass(frozen=True)
class PageFlipped(RestoredFault):
    """One bit in the first page of a table is another one."""

    database: str
    table: str

    HARM: ClassVar[str] = _FLIP
    LOOK: ClassVar[str] = _CANNOT_BE_READ

    @property
    def names(self) -> tuple[str, ...]:
        """The database and the table."""
        return (self.database, self.table)
