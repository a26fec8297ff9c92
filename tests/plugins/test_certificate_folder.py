"""The versions of a certificate on its host: whatever is interrupted, there is one to serve and it has its own key."""

import contextlib
import os
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.certificate import Bundle, CertificateError, bundle, matches
from ansible.module_utils.certificate_folder import CURRENT, KEY, LABELS, PENDING, PREVIOUS, Folder

from tests.plugins.issuer import NOW, Issuer

ISSUER = Issuer()
DOMAINS = ["bookings.test"]


def made() -> Bundle:
    issued = ISSUER.issue(*DOMAINS)
    return bundle(ISSUER.chain(issued) + issued.key)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(str(tmp_path))


@pytest.fixture
def versions(folder: Folder) -> dict[str, Bundle]:
    """A current and a pending version, the latter as it is kept after it was issued."""
    found = {CURRENT: made(), PENDING: made()}
    Path(folder.file(CURRENT)).write_text(found[CURRENT].text)
    Path(folder.path, KEY).write_text(found[PENDING].key)
    folder.keep_pending(found[PENDING])
    return found


def test_a_pending_version_holds_the_only_copy_of_its_key(folder: Folder, versions: dict[str, Bundle]) -> None:
    assert folder.read(PENDING) == versions[PENDING]
    assert folder.pending_key() == ""
    assert Path(folder.file(PENDING)).stat().st_mode & 0o777 == 0o600


def test_there_and_back(folder: Folder, versions: dict[str, Bundle]) -> None:
    folder.use_pending()
    assert [folder.read(label) for label in LABELS] == [versions[PENDING], None, versions[CURRENT]]
    folder.use_previous()
    assert [folder.read(label) for label in LABELS] == [versions[CURRENT], versions[PENDING], None]


def test_the_first_one_has_none_before_it(folder: Folder) -> None:
    folder.keep_pending(made())
    folder.use_pending()
    assert folder.read(PREVIOUS) is None


@pytest.mark.parametrize("fatal", range(8))
def test_interrupted_anywhere_there_is_a_whole_one(
    folder: Folder, versions: dict[str, Bundle], monkeypatch: pytest.MonkeyPatch, fatal: int
) -> None:
    calls = 0

    def interrupt(real: Any) -> Any:  # noqa: ANN401
        def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            nonlocal calls
            calls += 1
            if calls > fatal:
                raise KeyboardInterrupt
            return real(*arguments, **options)

        return call

    for name in ("replace", "fsync", "fchown"):
        monkeypatch.setattr(os, name, interrupt(getattr(os, name)))
    with contextlib.suppress(KeyboardInterrupt):
        folder.use_pending()
        folder.use_previous()
    assert calls > fatal
    monkeypatch.undo()
    current = folder.read(CURRENT)
    assert current in versions.values()
    assert matches(current.leaf, current.key)
    # Nothing that was issued is lost, so that the next run needs no other.
    assert versions[PENDING] in [folder.read(label) for label in LABELS]
    assert list(Path(folder.path).glob(".*")) == []


def test_a_damaged_version_is_told_by_its_file(folder: Folder) -> None:
    Path(folder.file(CURRENT)).write_text("nothing")
    with pytest.raises(CertificateError, match=r"current\.pem: there is no certificate in it"):
        folder.read(CURRENT)


def test_a_look_says_what_to_do(folder: Folder, versions: dict[str, Bundle], load_module: Any) -> None:  # noqa: ANN401
    look = load_module("certificate_info").look
    found = look(folder, DOMAINS, NOW)
    assert (found["is_due"], found["pending_ready"]) == (False, True)
    assert found["versions"][PREVIOUS] is None
    assert "PRIVATE" not in str(found)
    assert look(folder, ["other.test"], NOW)["is_due"]
    Path(folder.file(CURRENT)).write_text("nothing")
    assert "no certificate in it" in look(folder, DOMAINS, NOW)["because"]
    Path(folder.file(CURRENT)).unlink()
    assert look(folder, DOMAINS, NOW)["because"] == "there is none"
    assert versions


class Refused:
    """Stands for Ansible's module where OpenSSL is asked."""

    @staticmethod
    def run_command(command: list[str]) -> tuple[int, str, str]:
        done = subprocess.run(
            [*command[:2], "-attime", str(int(NOW)), *command[2:]], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def stage(load_module: Any) -> ModuleType:  # noqa: ANN401
    found: ModuleType = load_module("certificate_stage")
    return found


def test_a_chain_must_lead_to_an_authority(stage: ModuleType) -> None:
    issued = made()
    assert stage.chain_flaw(Refused(), issued, ISSUER.root) == ""
    without_intermediate = Bundle(issued.leaf, (), issued.key)
    assert "unable to get local issuer" in stage.chain_flaw(Refused(), without_intermediate, ISSUER.root)
    assert "leads to no authority" in stage.chain_flaw(Refused(), issued, Issuer("stranger").root)
