"""Whether the standbys follow the primary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drills.connection import UnreachableError
from drills.errors import UsageError
from drills.probes.database import SSH_SECONDS, look_at_all, psql
from drills.probes.reading import Probe, Reading

if TYPE_CHECKING:
    from drills.probes.reading import View

_STREAMING = "SELECT application_name, sync_state FROM pg_stat_replication WHERE state = 'streaming'"


def replication_streaming(*, standbys: int) -> Probe:
    """Exactly one host leads, `standbys` hosts stream from it, and commits wait for at least one of them."""

    def look(view: View) -> Reading:
        looks = look_at_all(view.site.group("database"))
        primaries = [seen.host for seen in looks if seen.state == "primary"]
        if len(primaries) != 1:
            seen = "; ".join(f"{seen.host}: {seen.because}" for seen in looks)
            return Reading(ok=False, because=f"{len(primaries)} hosts lead ({seen})")
        return _streaming_from(view, primaries[0], standbys)

    return Probe("replication_streaming", look)


def _streaming_from(view: View, primary: str, wanted: int) -> Reading:
    host = view.site[primary]
    try:
        answer = host.ssh.run(psql(host, _STREAMING), timeout=SSH_SECONDS)
    except (UnreachableError, UsageError) as error:
        return Reading(ok=False, because=f"{primary}: {error}")
    if answer.exit_code != 0:
        return Reading(ok=False, because=f"{primary}: {' '.join(answer.err.split())[:200]}")
    rows = [line.split("|") for line in answer.out.splitlines() if line]
    waited_for = [name for name, sync_state in rows if sync_state in {"sync", "quorum"}]
    return Reading(
        len(rows) >= wanted and bool(waited_for),
        f"{len(rows)} of {wanted} standbys stream from {primary}; {len(waited_for)} of them may confirm a commit",
    )
