#!/usr/bin/env python3
"""Builds releases of the bookings service: `release.py build RECIPE --to FOLDER`, `release.py all --to FOLDER`.

A release is one archive, named by its own SHA-256. The same sources give the same bytes on any machine: that is what
makes the name worth trusting, and it is why nothing of the machine gets in - no times, owners, modes, file order,
compressor version or git settings.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

LAB = Path(__file__).resolve().parent
SOURCE = LAB / "bookings"
RECIPES = LAB / "releases"
SERVICE = "bookings"
FORMAT = 1

PARTS = {".py", ".sql"}  # what belongs to a release; compiled files and an editor's leftovers do not
EXPAND = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
VERSION = re.compile(r"\d+\.\d+\.\d+")
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # deflate, no name, no time, no operating system
BLOCK = 65535  # the most that a stored block can hold


class RecipeError(Exception):
    """The recipe cannot be built; the message says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a release differs from the one it is made from; `origin` is None for the sources as they are."""

    folder: Path
    version: str
    origin: str | None

    def sources(self) -> list[Path]:
        """Return the files that are laid over the origin's, in order."""
        return [path for path in sorted((self.folder / SERVICE).rglob("*")) if is_part(path)]

    def patches(self) -> list[Path]:
        """Return the changes made to what is there by then, in order."""
        return sorted(self.folder.glob("*.patch"))


def is_part(path: Path) -> bool:
    """Tell whether the file is a part of a release."""
    return path.is_file() and path.suffix in PARTS


def read_recipe(folder: Path) -> Recipe:
    """Return the recipe in the folder.

    Raises:
        RecipeError: it has none, or one that cannot be used.
    """
    path = folder / "recipe.json"
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        names = ", ".join(sorted(found.name for found in RECIPES.iterdir()))
        raise RecipeError(f"{path}: {error.strerror}\nHINT: the recipes are {names} in {RECIPES}") from error
    except ValueError as error:
        raise RecipeError(f"{path}: not JSON: {error}\nHINT: python3 -m json.tool {path}") from error
    if not isinstance(fields, dict) or set(fields) != {"version", "from", "about"}:
        raise RecipeError(
            f'{path}: not an object of three\nHINT: {{"version": "1.1.0", "from": "1.0.0", "about": "…"}}'
        )
    if not VERSION.fullmatch(str(fields["version"])):
        raise RecipeError(f"{path}: version {fields['version']!r} is not of three numbers\nHINT: write it as 1.2.3")
    return Recipe(folder, fields["version"], fields["from"])


def lineage(recipe: Recipe) -> list[Recipe]:
    """Return the recipes to follow, from the one that takes the sources as they are to this one.

    Raises:
        RecipeError: one of them cannot be used, or they go round in a circle.
    """
    line = [recipe]
    while (origin := line[0].origin) is not None:
        line.insert(0, read_recipe(recipe.folder.parent / origin))
        if line[0].folder in [later.folder for later in line[1:]]:
            raise RecipeError(
                f"{recipe.folder}: made from itself, by way of {origin}\nHINT: correct `from` in its recipe"
            )
    return line


def assemble(recipe: Recipe, folder: Path) -> None:
    """Put the release's package into the empty folder."""
    for path in sorted(SOURCE.rglob("*")):
        if is_part(path):
            place(path, folder / SERVICE / path.relative_to(SOURCE))
    for step in lineage(recipe):
        for path in step.sources():
            place(path, folder / path.relative_to(step.folder))
        for patch in step.patches():
            apply(patch, folder)


def place(path: Path, target: Path) -> None:
    """Copy one file, making the folders on the way."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def apply(patch: Path, folder: Path) -> None:
    """Change the files as the patch says, all or none.

    The caller's git settings are left out, and a repository around the folder is not looked for: inside one,
    git would take the patch's paths from its top, find nothing to do, and call that a success.
    """
    settings = {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", "apply", "-p1", str(patch.resolve())],
        cwd=folder,
        env=kept | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RecipeError(
            f"{patch} does not fit what it is made from: {done.stderr.strip()}\n"
            f"HINT: {SOURCE} or an earlier recipe has changed; write the patch anew"
        )


def manifest(recipe: Recipe, folder: Path) -> dict[str, object]:
    """Return what the release says of itself."""
    names = [EXPAND.fullmatch(path.name) for path in (folder / SERVICE / "schema").iterdir()]
    newest = max(int(name[1]) for name in names if name)
    return {"format": FORMAT, "service": SERVICE, "version": recipe.version, "schema": newest}


def pack(folder: Path) -> bytes:
    """Return the folder's files as an archive in which nothing of this machine is left."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folder.rglob("*"), key=lambda found: found.relative_to(folder).as_posix()):
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            if path.is_dir():
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
            else:
                entry.size, entry.mode = path.stat().st_size, 0o644
                archive.addfile(entry, io.BytesIO(path.read_bytes()))
    return stored(content.getvalue())


def stored(content: bytes) -> bytes:
    """Return the content as a gzip file, not compressed: compressors differ from one version of zlib to the next."""
    blocks = bytearray()
    for start in range(0, len(content), BLOCK):
        block = content[start : start + BLOCK]
        is_last = start + BLOCK >= len(content)
        blocks += struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF) + block
    return GZIP_HEADER + bytes(blocks) + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)


def build(recipe: Path, to: Path) -> str:
    """Write the recipe's release to <to>/<hex>.tar.gz, never half a file; return its digest, `sha256:<hex>`.

    Raises:
        RecipeError: the recipe cannot be built; nothing was written.
    """
    with tempfile.TemporaryDirectory(prefix="release-") as scratch:
        folder = Path(scratch).resolve() / "content"
        folder.mkdir()
        known = read_recipe(recipe.resolve())
        assemble(known, folder)
        text = json.dumps(manifest(known, folder), indent=2) + "\n"
        (folder / "release.json").write_text(text, encoding="utf-8")
        archive = pack(folder)
    digest = hashlib.sha256(archive).hexdigest()
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=to, prefix=".", delete=False) as unfinished:
        unfinished.write(archive)
    Path(unfinished.name).chmod(0o644)
    Path(unfinished.name).replace(to / f"{digest}.tar.gz")
    return f"sha256:{digest}"


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="release.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("build", help="build one release and print its digest")
    one.add_argument("recipe", type=Path, help="the folder of its recipe")
    every = commands.add_parser("all", help="build every recipe and print the digests as JSON")
    for command in (one, every):
        command.add_argument("--to", type=Path, required=True, help="the folder that gets <hex>.tar.gz")
    arguments = parser.parse_args()
    try:
        if arguments.command == "build":
            sys.stdout.write(build(arguments.recipe, arguments.to) + "\n")
        else:
            folders = sorted(path.parent for path in RECIPES.glob("*/recipe.json"))
            digests = {folder.name: build(folder, arguments.to) for folder in folders}
            sys.stdout.write(json.dumps(digests) + "\n")
    except (RecipeError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
