#!/usr/bin/python3
"""Writes how backups and archiving stand, as metrics for the textfile collector of Prometheus' node exporter.

Moments are given as seconds since 1970 and not as ages, so that a file that is no longer written grows old by itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_SECONDS = 50
HELP = {
    "drillbook_backup_metrics_written_timestamp_seconds": "When these metrics were written.",
    "drillbook_backup_repository_ok": "Whether the repository can be read and has a backup of the cluster.",
    "drillbook_backup_newest_timestamp_seconds": "When the newest backup of this type ended.",
    "drillbook_backup_newest_size_bytes": "The size of the database in the newest backup of this type.",
    "drillbook_archiver_leads": "Whether this server leads, so that it should archive.",
    "drillbook_archiver_archived_total": "Segments of WAL that were archived.",
    "drillbook_archiver_failed_total": "Attempts to archive that failed.",
    "drillbook_archiver_last_archived_timestamp_seconds": "When a segment was last archived.",
    "drillbook_archiver_last_failed_timestamp_seconds": "When an attempt last failed.",
    "drillbook_archiver_waiting_segments": "Finished segments that are in no repository yet.",
}
ARCHIVER = """
SELECT json_build_object(
  'leads', (NOT pg_is_in_recovery())::int, 'archived_total', archived_count, 'failed_total', failed_count,
  'last_archived_timestamp_seconds', COALESCE(extract(epoch FROM last_archived_time), 0),
  'last_failed_timestamp_seconds', COALESCE(extract(epoch FROM last_failed_time), 0),
  'waiting_segments', (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'))
FROM pg_stat_archiver
"""


def sample(name: str, value: float, **labels: object) -> str:
    """One line: a metric with its labels and its value.

    >>> sample("drillbook_backup_repository_ok", 1, stanza="main", repository=2)
    'drillbook_backup_repository_ok{stanza="main",repository="2"} 1'
    """
    told = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{told}}} {value:.17g}"


def backups(stanza: str, info: dict[str, Any]) -> Iterator[str]:
    """The backups of a stanza, as `pgbackrest info` knows them."""
    for repository in info.get("repo", []):
        number = repository["key"]
        yield sample(
            "drillbook_backup_repository_ok", repository["status"]["code"] == 0, stanza=stanza, repository=number
        )
        newest = {row["type"]: row for row in info.get("backup", []) if row["database"]["repo-key"] == number}
        for kind, row in newest.items():
            labels = {"stanza": stanza, "repository": number, "type": kind}
            yield sample("drillbook_backup_newest_timestamp_seconds", row["timestamp"]["stop"], **labels)
            yield sample("drillbook_backup_newest_size_bytes", row["info"]["size"], **labels)


def archiver(seen: dict[str, float]) -> Iterator[str]:
    """The archiver of the local server."""
    for name, value in seen.items():
        yield sample(f"drillbook_archiver_{name}", float(value))


def document(lines: list[str]) -> str:
    """The whole file: samples of one metric stand together, below what it means."""
    told = []
    for name, meaning in HELP.items():
        if mine := [line for line in lines if line.partition("{")[0] == name]:
            kind = "counter" if name.endswith("_total") else "gauge"
            told += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *mine]
    return "\n".join(told) + "\n"


def ask(*command: str) -> Any:  # noqa: ANN401  # JSON
    """What a command prints as JSON, run as the user of the database; nothing where it fails."""
    words = ["runuser", "-u", "postgres", "--", *command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS, cwd="/")
    if done.returncode != 0:
        sys.stderr.write(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[:300]}\n")
        return None
    return json.loads(done.stdout, strict=False)


def main(stanza: str, file: Path, what: str) -> None:
    """Looks at `backups` or at the `archiver`, and replaces the file in one step."""
    lines = [sample("drillbook_backup_metrics_written_timestamp_seconds", int(time.time()))]
    if what == "backups":
        known = ask("pgbackrest", f"--stanza={stanza}", "--log-level-file=off", "--output=json", "info") or []
        lines += [line for info in known for line in backups(stanza, info)]
    elif seen := ask("psql", "-XAtq", "-d", "postgres", "-c", ARCHIVER):
        lines += archiver(seen)
    part = file.with_suffix(".part")
    part.write_text(document(lines))
    part.chmod(0o644)
    part.replace(file)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
