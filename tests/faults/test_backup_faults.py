"""Faults of backups: those of files against real files, the others as commands and readings."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drills import checkout
from drills.connection import Answer, UnreachableError
from drills.faults import (
    ArchiverStopped,
    BackupsOfAnotherCluster,
    BackupTruncated,
    DatabaseEmptied,
    DiskTooSmall,
    ExtensionDropped,
    Fault,
    PageFlipped,
    PassphraseWrong,
    RoleDropped,
    SegmentMissing,
)
from drills.faults.fault import FaultError
from drills.site import Host

SUM = "0123456789abcdef0123456789abcdef01234567"
SEGMENTS = [f"0000000{line}00000000000000{number}-{SUM}.zst" for line, number in ((1, "FE"), (1, "FF"), (2, "FF"))]
SECRET = "only-for-this-test"


@dataclass
class Shell:
    """A host whose commands run here, without becoming another user; programs in `path` come first."""

    path: str = ""
    reachable: bool = True
    commands: list[str] = field(default_factory=list)

    def run(self, command: str, *, timeout: float) -> Answer:
        assert timeout > 0
        self.commands.append(command)
        if not self.reachable:
            raise UnreachableError("no route")
        words = ["sh", "-c", command.removeprefix("sudo -n ")]
        environment = {**os.environ, "PATH": f"{self.path}:{os.environ['PATH']}"}
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=timeout, env=environment)
        return Answer(done.returncode, done.stdout, done.stderr)


def host(shell: Shell) -> Host:
    made = Host("backup1")
    made.__dict__["ssh"] = shell
    return made


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three segments on two timelines, one backup, and the settings of pgBackRest."""
    place, settings = tmp_path / "repository", tmp_path / "etc" / "pgbackrest.conf"
    for segment in SEGMENTS:
        (place / "archive" / "main" / "15-1" / segment[:16]).mkdir(parents=True, exist_ok=True)
        (place / "archive" / "main" / "15-1" / segment[:16] / segment).write_text(segment)
    bundle = place / "backup" / "main" / "20260101-000000F" / "bundle"
    bundle.mkdir(parents=True)
    (bundle / "1").write_bytes(os.urandom(1000))
    (place / "backup" / "main" / "latest").symlink_to("20260101-000000F")
    settings.parent.mkdir()
    settings.write_text(
        f"[global]\nrepo1-path={place}\nrepo1-cipher-pass={SECRET}\nprocess-max=2\n\n[main]\npg1-path=/data\n"
    )
    monkeypatch.setattr("drills.faults.repository.SETTINGS", str(settings))
    return place


@pytest.fixture
def programs(tmp_path: Path) -> str:
    """A pgBackRest that deciphers its list as long as its settings hold the right passphrase."""
    folder = tmp_path / "bin"
    folder.mkdir()
    settings = tmp_path / "etc" / "pgbackrest.conf"
    (folder / "runuser").write_text('#!/bin/sh\nshift 3\nexec "$@"\n')
    asked = f'case "$1" in --config=*) settings=${{1#*=}} ;; *) settings={settings} ;; esac'
    deciphered = f"""grep -q '={SECRET}$' "$settings" && echo '[backup:current]'"""
    (folder / "pgbackrest").write_text(f"#!/bin/sh\n{asked}\n{deciphered}\n")
    for program in folder.iterdir():
        program.chmod(0o755)
    return str(folder)


def everything(repository: Path) -> dict[str, bytes]:
    """Each file by its name and its content."""
    files = (path for path in repository.parent.rglob("*") if path.is_file() and path.parent.name != "bin")
    return {str(path): path.read_bytes() for path in files}


def hurt(fault: Fault) -> None:
    """It is not there before, and it is there after it was done once and once more."""
    assert not fault.confirm().ok
    for _ in range(2):
        fault.inject()
        assert fault.confirm().ok, fault.confirm()


def test_the_last_segment_but_one_is_gone_and_only_that_one(repository: Path) -> None:
    hurt(SegmentMissing(host(Shell())))
    left = sorted(path.name for path in repository.rglob("*.zst"))
    assert left == [SEGMENTS[0], SEGMENTS[2]]
    assert [path.name for path in repository.rglob("*.before_drill")] == [f"{SEGMENTS[1]}.before_drill"]


def test_a_file_of_the_backup_is_shorter_and_was_kept(repository: Path) -> None:
    original = (repository / "backup" / "main" / "latest" / "bundle" / "1").read_bytes()
    hurt(BackupTruncated(host(Shell())))
    bundle = repository / "backup" / "main" / "20260101-000000F" / "bundle"
    assert (bundle / "1").read_bytes() == original[:900]
    assert (bundle / "1.before_drill").read_bytes() == original


def test_the_passphrase_is_another_and_neither_is_told(repository: Path, programs: str) -> None:
    shell = Shell(programs)
    settings = repository.parent / "etc" / "pgbackrest.conf"
    original = settings.read_text()
    hurt(PassphraseWrong(host(shell)))
    assert SECRET not in settings.read_text()
    assert settings.read_text().splitlines()[3:] == original.splitlines()[3:]
    assert settings.with_suffix(".conf.before_drill").read_text() == original
    assert SECRET not in "".join(shell.commands)


def test_a_list_that_nobody_could_decipher_is_no_wrong_passphrase(repository: Path, programs: str) -> None:
    assert repository.is_dir()
    Path(programs, "pgbackrest").write_text("#!/bin/sh\nexit 1\n")
    fault = PassphraseWrong(host(Shell(programs)))
    fault.inject()
    seen = fault.confirm()
    assert not seen.ok
    assert "with the passphrase that was kept" in seen.because


@pytest.mark.parametrize("fault", [SegmentMissing, BackupTruncated])
def test_an_empty_repository_cannot_be_harmed(fault: type[SegmentMissing], repository: Path) -> None:
    for file in [*repository.rglob("*.zst"), *repository.rglob("bundle/1")]:
        file.unlink()
    with pytest.raises(FaultError, match="lies in"):
        fault(host(Shell())).inject()
    assert not fault(host(Shell())).confirm().ok


def cured(repository: Path) -> int:
    """Run the cure on this machine, where the files lie elsewhere and no other user is needed; its exit code."""
    inventory = repository.parent / "hosts.yml"
    here = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    inventory.write_text(json.dumps({"all": {"hosts": {"backup1": here}}}))
    places = {"cure_settings": str(repository.parent / "etc")}
    cure = SegmentMissing(host(Shell())).cure()
    words = ["-i", str(inventory), str(checkout.ROOT / cure.playbook), "--limit", str(cure.limit)]
    done = subprocess.run(
        ["ansible-playbook", *words, "-e", json.dumps(places)], capture_output=True, check=False, cwd="/"
    )
    inventory.unlink()
    return done.returncode


def test_one_cure_puts_all_back_and_may_run_where_nothing_was_harmed(repository: Path, programs: str) -> None:
    before = everything(repository)
    for fault in (SegmentMissing, BackupTruncated, PassphraseWrong):
        fault(host(Shell(programs))).inject()
    aside = repository.with_name("repository.before_drill")
    repository.rename(aside)
    (repository / "of_another_cluster").mkdir(parents=True)
    (aside / "cut_short.keeping").touch()
    assert [cured(repository), cured(repository)] == [0, 0]
    assert everything(repository) == before


def every_fault(where: Host) -> list[Fault]:
    copy = (where, "copy", 5434)
    return [
        SegmentMissing(where),
        BackupTruncated(where),
        PassphraseWrong(where),
        BackupsOfAnotherCluster(where),
        RoleDropped(*copy, "balancer"),
        ExtensionDropped(*copy, "bookings", "plpgsql"),
        PageFlipped(*copy, "bookings", "bookings.bookings"),
        DatabaseEmptied(*copy, "bookings"),
        DiskTooSmall(where, "/var/small"),
        ArchiverStopped(where),
    ]


@pytest.mark.parametrize("number", range(10))
def test_a_host_that_nobody_reaches_is_neither_harmed_nor_confirmed(number: int) -> None:
    fault = every_fault(host(Shell(reachable=False)))[number]
    with pytest.raises(FaultError, match="no route"):
        fault.inject()
    assert not fault.confirm().ok


@pytest.mark.parametrize("number", range(10))
def test_its_cure_is_there_and_it_says_what_it_hits(number: int) -> None:
    fault = every_fault(host(Shell()))[number]
    cure = fault.cure()
    assert (cure.limit, cure.of_fault) == ("backup1", True)
    assert (checkout.ROOT / cure.playbook).is_file()
    assert all("backup1" in target for target in fault.targets)


@pytest.mark.parametrize("number", range(10))
def test_its_scripts_can_be_read_by_the_shell_and_get_their_inputs_as_words(number: int) -> None:
    shell = Shell(reachable=False)
    fault = every_fault(host(shell))[number]
    fault.confirm()
    with pytest.raises(FaultError):
        fault.inject()
    for command in shell.commands:
        sudo, quiet, program, flag, script, name, *inputs = shlex.split(command)
        assert [sudo, quiet, program, flag, name] == ["sudo", "-n", "sh", "-c", type(fault).__name__]
        assert subprocess.run(["sh", "-n", "-c", script], check=False).returncode == 0
        assert all(name in " ".join(inputs) for name in names_of(fault))


def names_of(fault: Fault) -> tuple[str, ...]:
    return tuple(getattr(fault, "names", ()))


@pytest.mark.parametrize("number", [4, 5, 6, 7, 9])
def test_a_script_that_fails_is_told_with_its_words(number: int, programs: str) -> None:
    fault = every_fault(host(Shell(programs)))[number]
    Path(programs, "psql").write_text("#!/bin/sh\necho no server here >&2\nexit 2\n")
    Path(programs, "psql").chmod(0o755)
    with pytest.raises(FaultError, match="on backup1: no server here"):
        fault.inject()
    assert not fault.confirm().ok
