"""What is promised of an archive: the same bytes anywhere, and the recipe's code in it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import release

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.parent.name for path in release.RECIPES.glob("*/recipe.json"))
SCHEMAS = {"1.0.0": 1, "1.2.0": 3}  # all others bring 2


def build(name: str, to: Path) -> tuple[str, Path]:
    """Build a release; return its digest and its archive."""
    digest = release.build(release.RECIPES / name, to)
    return digest, to / f"{digest.removeprefix('sha256:')}.tar.gz"


def content(archive: Path) -> dict[str, str]:
    """Return the texts in the archive by name."""
    with tarfile.open(archive) as opened:
        files = {member.name: opened.extractfile(member) for member in opened if member.isfile()}
        return {name: file.read().decode() for name, file in files.items() if file}


def run(*words: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "lab" / "release.py"), *words],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def write_recipe(tmp_path: Path) -> Callable[..., Path]:
    """Write a recipe of the tests' own, beside nobody."""

    def write(name: str, origin: str | None = None, **files: str) -> Path:
        folder = tmp_path / "recipes" / name
        folder.mkdir(parents=True)
        recipe = {"version": "9.0.0", "from": origin, "about": "…"}
        for path, text in {"recipe.json": json.dumps(recipe), **files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return folder

    return write


def test_there_is_a_recipe_for_each_release_that_drills_speak_of() -> None:
    assert set(NAMES) == {"1.0.0", "1.1.0", "1.2.0", "2.0.0", "crash", "errors", "slow", "latent"}


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_gives_the_same_bytes_each_time(name: str, tmp_path: Path) -> None:
    first, archive = build(name, tmp_path / "first")
    time.sleep(0.01)
    old = os.umask(0o077)
    try:
        second, _ = build(name, tmp_path / "second")
    finally:
        os.umask(old)
    assert first == second
    assert first == f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"


@pytest.mark.parametrize("name", NAMES)
def test_a_release_says_what_it_is(name: str, tmp_path: Path) -> None:
    texts = content(build(name, tmp_path)[1])
    manifest = json.loads(texts["release.json"])
    recipe = json.loads((release.RECIPES / name / "recipe.json").read_text())
    assert manifest == {
        "format": 1,
        "service": "bookings",
        "version": recipe["version"],
        "schema": SCHEMAS.get(name, 2),
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_code_of_a_release_compiles(name: str, tmp_path: Path) -> None:
    for path, text in content(build(name, tmp_path)[1]).items():
        if path.endswith(".py"):
            compile(text, path, "exec")


def test_each_recipe_gives_another_release(tmp_path: Path) -> None:
    assert len({build(name, tmp_path)[0] for name in NAMES}) == len(NAMES)


def test_the_first_release_is_the_sources_as_they_are(tmp_path: Path) -> None:
    texts = content(build("1.0.0", tmp_path)[1])
    del texts["release.json"]
    paths = [path for path in release.SOURCE.rglob("*") if path.suffix in {".py", ".sql"}]
    assert texts == {path.relative_to(release.LAB).as_posix(): path.read_text() for path in paths}


def test_every_step_forward_can_be_undone_unless_it_is_a_contract(tmp_path: Path) -> None:
    for name in NAMES:
        paths = [path for path in content(build(name, tmp_path)[1]) if path.endswith(".sql")]
        steps = [path for path in paths if not path.endswith((".down.sql", ".contract.sql"))]
        without = [path for path in steps if path.replace(".sql", ".down.sql") not in paths]
        assert without == ["bookings/schema/0001_bookings.sql"]


def test_bad_releases_differ_in_their_code_alone(tmp_path: Path) -> None:
    good = content(build("1.1.0", tmp_path)[1])
    for name in ("crash", "errors", "slow", "latent"):
        bad = content(build(name, tmp_path)[1])
        assert {path for path in good | bad if good.get(path) != bad.get(path)} == {
            "release.json",
            "bookings/service.py",
        }


def test_nothing_of_the_machine_is_in_the_archive(tmp_path: Path) -> None:
    archive = build("1.1.0", tmp_path)[1]
    with tarfile.open(archive) as opened:
        members = opened.getmembers()
    assert [member.name for member in members] == sorted(member.name for member in members)
    assert {(member.mtime, member.uid, member.gid, member.uname, member.gname) for member in members} == {
        (0, 0, 0, "", "")
    }
    assert {member.mode for member in members if member.isfile()} == {0o644}
    assert {member.mode for member in members if member.isdir()} == {0o755}
    assert archive.read_bytes()[4:8] == bytes(4), "a time in gzip's header"


def test_any_unpacker_reads_the_archive(tmp_path: Path) -> None:
    archive = build("2.0.0", tmp_path)[1]
    subprocess.run(["gzip", "--test", str(archive)], check=True)
    done = subprocess.run(["tar", "-tzf", str(archive)], capture_output=True, text=True, check=True)
    assert "release.json" in done.stdout.splitlines()


@pytest.mark.parametrize("size", [1, 65535, 65536, 200_000])
def test_a_stored_archive_gives_back_what_was_put_in(size: int) -> None:
    text = bytes(number % 251 for number in range(size))
    assert gzip.decompress(release.stored(text)) == text
    assert zlib.decompress(release.stored(text), wbits=31) == text


def test_the_callers_git_settings_and_repository_change_nothing(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    config = tmp_path / "gitconfig"
    config.write_text("[core]\n\tautocrlf = true\n[apply]\n\twhitespace = fix\n")
    inside = tmp_path / "scratch"
    inside.mkdir()
    recipe = str(release.RECIPES / "errors")
    done = run(
        *("build", recipe, "--to", str(tmp_path / "out")),
        cwd=tmp_path,
        GIT_CONFIG_GLOBAL=str(config),
        GIT_DIR=str(tmp_path / ".git"),
        TMPDIR=str(inside),
    )
    assert (done.returncode, done.stdout.strip()) == (0, build("errors", tmp_path / "plain")[0]), done.stderr


def test_the_command_line_builds_every_recipe(tmp_path: Path) -> None:
    done = run("all", "--to", str(tmp_path), cwd=Path("/"))
    assert done.returncode == 0, done.stderr
    digests = json.loads(done.stdout)
    assert sorted(digests) == NAMES
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{digest.removeprefix('sha256:')}.tar.gz" for digest in digests.values()
    )
    one = run("build", "lab/releases/slow", "--to", str(tmp_path))
    assert one.stdout == digests["slow"] + "\n"


def test_an_overlay_adds_and_replaces_and_leaves_the_rest_out(
    write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    files = {"bookings/new.py": "NEW = 1\n", "bookings/pool.py": "", "bookings/__pycache__/pool.pyc": "old"}
    digest = release.build(write_recipe("own", **files), tmp_path)
    texts = content(tmp_path / f"{digest.removeprefix('sha256:')}.tar.gz")
    assert (texts["bookings/new.py"], texts["bookings/pool.py"]) == ("NEW = 1\n", "")
    assert not [path for path in texts if "__pycache__" in path]


def test_a_patch_that_does_not_fit_is_named_and_nothing_is_written(
    write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    patch = "--- a/bookings/pool.py\n+++ b/bookings/pool.py\n@@ -1 +1 @@\n-no such line\n+another\n"
    recipe = write_recipe("own", **{"x.patch": patch})
    with pytest.raises(release.RecipeError, match=r"x\.patch does not fit .*\n.*\nHINT: "):
        release.build(recipe, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_recipe_made_from_itself_is_refused(write_recipe: Callable[..., Path], tmp_path: Path) -> None:
    write_recipe("one", "two")
    with pytest.raises(release.RecipeError, match="made from itself, by way of"):
        release.build(write_recipe("two", "one"), tmp_path)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("{", "not JSON"),
        ("[]", "not an object of three"),
        ('{"version": "1.0.0", "from": null}', "not an object of three"),
        ('{"version": "1", "from": null, "about": ""}', "version '1' is not of three numbers"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_named(
    write_recipe: Callable[..., Path], tmp_path: Path, text: str, because: str
) -> None:
    folder = write_recipe("own")
    (folder / "recipe.json").write_text(text)
    done = run("build", str(folder), "--to", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{folder}/recipe.json: {because}" in done.stderr
    assert "HINT: " in done.stderr


def test_a_missing_recipe_is_named_with_those_that_exist(tmp_path: Path) -> None:
    done = run("build", str(tmp_path / "1.9.9"), "--to", str(tmp_path))
    assert done.returncode == 1
    assert "1.9.9/recipe.json: No such file or directory" in done.stderr
    assert "crash" in done.stderr
