"""Whether a cluster stands beside the live one."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from drills.connection import UnreachableError
from drills.probes.reading import Probe, Reading

if TYPE_CHECKING:
    from drills.probes.reading import View
    from drills.site import Host

SSH_SECONDS = 5.0
RESTORED = "restored"
_NOTHING = 2


def cluster_absent(host: Host, cluster: str = RESTORED) -> Probe:
    """The host has neither settings nor data of this cluster: what a drill restores there, and removes, is its own."""
    name = shlex.quote(cluster)
    command = f"LC_ALL=C ls -d -- /etc/postgresql/*/{name} /var/lib/postgresql/*/{name}"

    def look(_: View) -> Reading:
        try:
            answer = host.ssh.run(command, timeout=SSH_SECONDS)
        except UnreachableError as error:
            return Reading(ok=False, because=str(error))
        if found := answer.out.split():
            return Reading(ok=False, because=f"{host} has {' and '.join(found)}; playbooks/backup_drop.yml removes it")
        said = " ".join(answer.err.split())
        gone = answer.exit_code == _NOTHING and said.count("No such file or directory") == said.count("ls: ")
        return Reading(gone, f"{host} has no cluster {cluster}" if gone else f"{host}: {said}")

    return Probe("cluster_absent", look)
