"""What lies in the repository of backups is not what was put there, or cannot be read.

What is harmed is kept beside it, as <name>.before_drill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drills.faults.script import ScriptedFault

SETTINGS = "/etc/pgbackrest/pgbackrest.conf"

# Each passphrase has a folder of its own, so only the settings say where the repository is.
_FIND = """repository=$(sed -n 's/^repo1-path=//p' "$1")
test -n "$repository" || { echo "$1 names no repository" >&2; exit 1; }
"""

# The last but one: recovery needs it to get past it.
_TAKE_SEGMENT = """set -eu
cd "$repository/archive"
test -z "$(find . -name '*.before_drill' -print -quit)" || exit 0
segment=$(find . -type f | grep -E '/[0-9A-F]{24}-[0-9a-f]{40}[.a-z]*$' | sort | tail -n 2 | head -n 1)
test -n "$segment" || { echo "no segment of WAL lies in $repository/archive" >&2; exit 1; }
mv -- "$segment" "$segment.before_drill"
"""
_SEGMENT_IS_GONE = """kept=$(find "$repository/archive" -name '*.before_drill' | head -n 1)
gone=${kept%.before_drill}
test -n "$kept" && test ! -e "$gone" || { echo "every segment is in $repository/archive"; exit 1; }
echo "$gone is gone"
"""

_TRUNCATE = """set -eu
file=$(find "$repository"/backup/*/latest/ -type f -path '*/bundle/*' ! -name '*.before_drill' | sort | head -n 1)
test -n "$file" || { echo "no file of a backup lies in $repository/backup" >&2; exit 1; }
test -e "$file.before_drill" || {
  cp -p -- "$file" "$file.keeping"
  sync "$file.keeping"
  mv -- "$file.keeping" "$file.before_drill"
}
cp -p -- "$file.before_drill" "$file.harming"
truncate --size=-100 -- "$file.harming"
mv -- "$file.harming" "$file"
"""
_IS_SHORTER = """kept=$(find "$repository/backup" -name '*.before_drill' | head -n 1)
test -n "$kept" || { echo "no file in $repository/backup was touched"; exit 1; }
now=$(stat -c %s -- "${kept%.before_drill}") && was=$(stat -c %s -- "$kept") || exit 1
echo "${kept%.before_drill} has $now bytes and had $was"
test "$now" -lt "$was"
"""

_PUT_ANOTHER_KEY = """set -eu
test -e "$1.before_drill" || { cp -p -- "$1" "$1.keeping"; sync "$1.keeping"; mv -- "$1.keeping" "$1.before_drill"; }
grep -q '^repo1-cipher-pass=' "$1.before_drill" || { echo "$1 has no passphrase of repository 1" >&2; exit 1; }
cp -p -- "$1.before_drill" "$1.harming"
sed -i 's/^repo1-cipher-pass=.*/repo1-cipher-pass=another-one-than-it-was-encrypted-with/' "$1.harming"
mv -- "$1.harming" "$1"
"""
_CANNOT_DECIPHER = """stanza=$(sed -n 's/^\\[\\([^]:]*\\)\\]$/\\1/p' "$1" | grep -vx global | tail -n 1)
list=backup/$stanza/backup.info
deciphers() {
  runuser -u postgres -- pgbackrest --config="$1" --repo=1 --log-level-file=off repo-get "$list" 2> /dev/null |
    tr -d '\\0' | grep -q '^.backup:current'
}
deciphers "$1.before_drill" || { echo "$list cannot be deciphered with the passphrase that was kept"; exit 1; }
! deciphers "$1" || { echo "$list can still be deciphered"; exit 1; }
echo "$list can be deciphered with the passphrase that was kept, and not with the one in $1"
"""

# A real cluster with a real backup, made under the same name and passphrase, as by somebody who copied the settings.
# It takes some seconds, and goes on when whoever began it is killed; the cure waits for the lock.
_PUT_ANOTHER_CLUSTER = """set -eu
exec 9> "$repository.lock"
flock 9
test ! -e "$repository.before_drill" || exit 0
programs=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
stanza=$(sed -n 's/^\\[\\([^]:]*\\)\\]$/\\1/p' "$1" | grep -vx global | tail -n 1)
place=$(mktemp -d /var/tmp/another_cluster.XXXXXX)
as() { runuser -u postgres -- "$@" > "$place/said" 2>&1 9>&- || { tail -n 5 "$place/said" >&2; exit 1; }; }
end() { runuser -u postgres -- "$programs/pg_ctl" -D "$place/data" -m immediate stop > /dev/null; rm -rf "$place"; }
trap end EXIT
rm -rf "$repository.another"
install -d -o postgres -g postgres -m 0750 "$place" "$repository.another"
settings=$place/pgbackrest.conf
install -o postgres -m 0600 /dev/null "$settings"
{ echo '[global]'; grep '^repo1-cipher-' "$1"; echo "repo1-path=$repository.another
repo1-bundle=y
repo1-retention-full=1
start-fast=y
lock-path=$place
log-level-file=off
[$stanza]
pg1-path=$place/data
pg1-port=5499
pg1-socket-path=$place"; } >> "$settings"
cd "$place"
as "$programs/initdb" --data-checksums --no-sync --auth=peer -D "$place/data"
echo "port = 5499
listen_addresses = ''
unix_socket_directories = '$place'
archive_mode = on
archive_command = 'pgbackrest --config=$settings --stanza=$stanza archive-push %p'" >> "$place/data/postgresql.conf"
as "$programs/pg_ctl" -D "$place/data" -l "$place/log" -w start
as pgbackrest --config="$settings" --stanza="$stanza" stanza-create
as pgbackrest --config="$settings" --stanza="$stanza" --type=full backup
mv -- "$repository" "$repository.before_drill"
mv -- "$repository.another" "$repository"
"""
_IS_ANOTHERS = """of() {
  runuser -u postgres -- pgbackrest --repo=1 --repo1-path="$1" --log-level-file=off --output=json info |
    grep -o '"system-id":[0-9]*' | tail -n 1 | cut -d : -f 2
}
test -e "$repository.before_drill" || { echo "$repository is what it was"; exit 1; }
now=$(of "$repository") was=$(of "$repository.before_drill")
echo "the backups in $repository are of the cluster $now and were of $was"
test -n "$now" && test -n "$was" && test "$now" != "$was"
"""


@dataclass(frozen=True)
class SegmentMissing(ScriptedFault):
    """A segment of WAL, the last but one, is not in the repository; `host` holds the repository."""

    BEGIN: ClassVar[str] = _FIND
    HARM: ClassVar[str] = _TAKE_SEGMENT
    LOOK: ClassVar[str] = _SEGMENT_IS_GONE
    CURE: ClassVar[str] = "repository_restored"

    @property
    def targets(self) -> tuple[str, ...]:
        """The archive."""
        return (f"the last but one segment in the repository on {self.host}",)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The settings that say where the repository is."""
        return (SETTINGS,)


@dataclass(frozen=True)
class BackupTruncated(ScriptedFault):
    """A file of the newest backup has lost its end; `host` holds the repository."""

    BEGIN: ClassVar[str] = _FIND
    HARM: ClassVar[str] = _TRUNCATE
    LOOK: ClassVar[str] = _IS_SHORTER
    CURE: ClassVar[str] = "repository_restored"

    @property
    def targets(self) -> tuple[str, ...]:
        """The backup."""
        return (f"the first file of the newest backup on {self.host}",)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The settings that say where the repository is."""
        return (SETTINGS,)


@dataclass(frozen=True)
class PassphraseWrong(ScriptedFault):
    """The first repository was encrypted with another passphrase than its host knows."""

    HARM: ClassVar[str] = _PUT_ANOTHER_KEY
    LOOK: ClassVar[str] = _CANNOT_DECIPHER
    CURE: ClassVar[str] = "repository_restored"

    @property
    def targets(self) -> tuple[str, ...]:
        """The settings that hold it."""
        return (f"the passphrase in {SETTINGS} on {self.host}",)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Where the settings are."""
        return (SETTINGS,)


@dataclass(frozen=True)
class BackupsOfAnotherCluster(ScriptedFault):
    """The first repository holds a good backup of another cluster, under the same name and passphrase."""

    BEGIN: ClassVar[str] = _FIND
    HARM: ClassVar[str] = _PUT_ANOTHER_CLUSTER
    LOOK: ClassVar[str] = _IS_ANOTHERS
    CURE: ClassVar[str] = "repository_restored"

    @property
    def targets(self) -> tuple[str, ...]:
        """The whole repository."""
        return (f"all that lies in the repository on {self.host}",)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The settings that say where the repository is."""
        return (SETTINGS,)
