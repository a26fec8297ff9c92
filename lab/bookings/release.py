"""Which release this is, as the folder it was unpacked to says."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Release:
    """The version is for people. The digest is the archive's, and says exactly which code runs."""

    version: str
    digest: str | None


def read_release(root: Path = ROOT) -> Release:
    """Return the release that the code belongs to; in a working copy it is "unreleased" and has no digest."""
    manifest = root / "release.json"
    version = json.loads(manifest.read_text(encoding="utf-8"))["version"] if manifest.is_file() else "unreleased"
    return Release(version, f"sha256:{root.name}" if DIGEST.fullmatch(root.name) else None)
