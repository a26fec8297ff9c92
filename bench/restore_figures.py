"""What was measured of restores, and the lines that tell it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plain_restore import Backup
    from restore_phases import Restored, Verified

GB = 1e9
MB = 1e6


@dataclass
class Step:
    """Everything that was measured at one size of the database, in seconds; a list has one figure of each round."""

    backup: Backup
    backing_up: float
    restored: list[Restored] = field(default_factory=list)
    verified: list[Verified] = field(default_factory=list)
    # The rest is measured at the largest size alone.
    from_bucket: list[Restored] = field(default_factory=list)
    plain: dict[int, list[float]] = field(default_factory=dict)
    copied: list[float] = field(default_factory=list)
    copied_and_synced: list[float] = field(default_factory=list)

    def median(self, phase: str) -> float:
        """The median of one phase of the restores by the playbook."""
        return float(statistics.median(getattr(one, phase) for one in self.restored))


def sizes(steps: Sequence[Step]) -> list[str]:
    """The medians at each size: the restore and its phases, the verification and the backup."""
    phases = ["total", "start", "plan", "files", "recovery", "rest"]
    rows = [["cluster", "stored", "restore", *phases[1:], "s per GB", "verify", "its checks", "full backup"]]
    for step in steps:
        size = step.backup.size / GB
        verified = [statistics.median(getattr(one, part) for one in step.verified) for part in ("total", "checks")]
        seconds = [*(step.median(phase) for phase in phases), step.median("total") / size, *verified, step.backing_up]
        rows.append([f"{size:.2f} GB", f"{step.backup.stored / GB:.2f} GB", *(f"{figure:.1f}" for figure in seconds)])
    return _table(rows)


def growth(steps: Sequence[Step]) -> list[str]:
    """How the restore grows from each size to the next: as a ratio, and in seconds for each further GB."""
    rows = [["from - to", "bytes", "restore", "files", "fixed", "restore, per further GB", "files, per further GB"]]
    for smaller, larger in pairwise(steps):
        further = (larger.backup.size - smaller.backup.size) / GB
        ratios = [larger.median(phase) / smaller.median(phase) for phase in ("total", "files", "fixed")]
        slopes = [(larger.median(phase) - smaller.median(phase)) / further for phase in ("total", "files")]
        rows.append(
            [
                f"{smaller.backup.size / GB:.2f} - {larger.backup.size / GB:.2f} GB",
                *(f"x{ratio:.2f}" for ratio in [larger.backup.size / smaller.backup.size, *ratios]),
                *(f"{slope:.1f} s" for slope in slopes),
            ]
        )
    return _table(rows)


def floors(step: Step) -> list[str]:
    """The playbook against pgBackRest alone and against cp at one size: seconds, throughput, and the playbook's ratios.

    `whole` is how many times as long the whole playbook takes, `files` the same for its call of pgBackRest alone.
    """
    rows = [["", "median", "min", "max", "rounds", "MB/s", "whole", "files"]]
    for name, seconds, is_floor in _contestants(step):
        middle = statistics.median(seconds)
        ratios = [f"{step.median(phase) / middle:.2f}" if is_floor else "" for phase in ("total", "files")]
        figures = [f"{value:.2f} s" for value in (middle, min(seconds), max(seconds))]
        rows.append([name, *figures, f"{len(seconds)}", f"{step.backup.size / MB / middle:.0f}", *ratios])
    return _table(rows)


def fastest(plain: dict[int, list[float]]) -> int:
    """The number of processes with the smallest median; the smaller number, if two are equal.

    >>> fastest({1: [9.0], 2: [5.0, 6.0, 5.5], 4: [5.5]})
    2
    """
    return min(sorted(plain), key=lambda number: statistics.median(plain[number]))


def _contestants(step: Step) -> list[tuple[str, list[float], bool]]:
    """Name, seconds, and whether it is a floor that the playbook is compared with."""
    best = fastest(step.plain)
    return [
        ("backup_restore.yml", [one.total for one in step.restored], False),
        ("  of it the files", [one.files for one in step.restored], False),
        ("backup_restore.yml, from the bucket", [one.total for one in step.from_bucket], False),
        ("  of it the files", [one.files for one in step.from_bucket], False),
        *(
            (f"pgbackrest, processes: {number}{' (best)' if number == best else ''}", seconds, True)
            for number, seconds in sorted(step.plain.items())
        ),
        ("cp, to the page cache", step.copied, True),
        ("cp and sync, to the disk", step.copied_and_synced, True),
    ]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns under their headings: the first from the left, the others from the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
