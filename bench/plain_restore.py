"""The floor of a restore: pgBackRest by itself, and cp of the bytes that it restores, both on the backup host."""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drills.site import Host

REPOSITORY = "/var/lib/pgbackrest"
SETTINGS = "/etc/pgbackrest/pgbackrest.conf"
# On the file system of the clusters, as the data that the playbook restores.
FOLDER = "/var/lib/postgresql/bench"
DATA, COPY, CONFIG = f"{FOLDER}/data", f"{FOLDER}/copy", f"{FOLDER}/pgbackrest.conf"
COMMAND_SECONDS = 1800.0


class HostError(Exception):
    """A command on the backup host failed; the text is its own."""


@dataclass(frozen=True)
class Backup:
    """One full backup: its name, the bytes that it brings back, and the bytes that it takes in the repository."""

    label: str
    size: int
    stored: int


class BackupHost:
    """The host that keeps the first repository. Everything runs there, on one file system."""

    def __init__(self, host: Host, stanza: str) -> None:
        self._host, self._stanza = host, stanza

    def prepare(self) -> None:
        """Make a folder of the bench's own, with settings that know the repository and nothing else.

        Its passphrase is copied on the host and never leaves it.
        """
        self.tidy()
        self._run(f"install -d -o postgres -g postgres -m 0700 {FOLDER}")
        settings = (
            f"(echo '[global]'; grep '^repo1-' {SETTINGS}; echo 'lock-path={FOLDER}/lock'; echo '[{self._stanza}]')"
        )
        self._run(f"umask 077; {settings} > {CONFIG}; chown postgres: {CONFIG}")

    def tidy(self) -> None:
        """Remove what `prepare` and the measurements left."""
        self._run(f"rm -rf {FOLDER}")

    def free_bytes(self) -> int:
        """The free disk where clusters are."""
        return int(self._run("df --output=avail --block-size=1 /var/lib/postgresql | tail -1"))

    def newest_backup(self, repository: int = 1) -> Backup:
        """The newest backup in a repository."""
        asked = ["pgbackrest", f"--stanza={self._stanza}", f"--repo={repository}", "--output=json", "info"]
        found = json.loads(self._run(f"sudo -u postgres {shlex.join(asked)}"))[0]["backup"][-1]
        return Backup(found["label"], found["info"]["size"], found["info"]["repository"]["delta"])

    def keep_newest(self, repository: int) -> None:
        """Expire every full backup of a repository but the newest, and the WAL that only they need."""
        asked = ["pgbackrest", f"--stanza={self._stanza}", f"--repo={repository}"]
        asked += [f"--repo{repository}-retention-full=1", "expire"]
        self._run(f"sudo -u postgres {shlex.join(asked)}")

    def restore(self, backup: Backup, processes: int) -> float:
        """Seconds of a restore by pgBackRest alone, from a cold repository to files that are safe on the disk."""
        self._run(f"rm -rf {DATA} && install -d -o postgres -g postgres -m 0700 {DATA}")
        self.chill(REPOSITORY)
        options = [f"--config={CONFIG}", f"--stanza={self._stanza}", "--repo=1", f"--set={backup.label}"]
        options += [f"--pg1-path={DATA}", f"--process-max={processes}", "--archive-mode=off", "--log-level-file=off"]
        return self._seconds(f"sudo -u postgres pgbackrest {shlex.join(options)} restore")

    def copy(self) -> tuple[float, float]:
        """Seconds of copying what `restore` brought back: until cp ends, and until it is safe on the disk as well."""
        self._run(f"rm -rf {COPY}")
        self.chill(DATA)
        copied = self._seconds(f"cp -a {DATA} {COPY}")
        synced = self._seconds(f"find {COPY} -type f -exec sync {{}} +")
        self._run(f"rm -rf {COPY}")
        return copied, copied + synced

    def chill(self, folder: str) -> None:
        """Drop the files of a folder from the page cache, and write out first what waits for that.

        Files below 64 KiB stay: there are thousands of them, and together they are few bytes.

        Raises:
            HostError: They are still there, so that a figure would not mean what it says.
        """
        large = f"find {folder} -type f -size +64k"
        self._run(f"sync -f {folder}; {large} -exec dd if={{}} iflag=nocache count=0 status=none ';'")
        cached = f"{large} -exec fincore --bytes --noheadings --output RES {{}} +"
        left = int(self._run(f"{cached} | awk '{{ sum += $1 }} END {{ printf \"%d\", sum }}'"))
        size = int(self._run(f"du -sb {folder} | cut -f1"))
        if left > size / 20:
            raise HostError(f"{left} of {size} bytes of {folder} stay in the page cache")

    def _seconds(self, command: str) -> float:
        began = time.monotonic()
        self._run(command)
        return time.monotonic() - began

    def _run(self, command: str) -> str:
        answer = self._host.ssh.run(f"sudo sh -c {shlex.quote(command)}", timeout=COMMAND_SECONDS)
        if answer.exit_code:
            raise HostError(f"{self._host.name}: {command} ended with {answer.exit_code}: {answer.err.strip()}")
        return answer.out.strip()
