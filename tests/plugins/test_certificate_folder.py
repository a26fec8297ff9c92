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

from tests.plugins.issuer import DAY, NOW, Issuer

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


def take(folder: Folder, label: str) -> None:
    folder.prepare(label)
    folder.use(label)


def test_there_and_back(folder: Folder, versions: dict[str, Bundle]) -> None:
    take(folder, PENDING)
    assert [folder.read(label) for label in LABELS] == [versions[PENDING], None, versions[CURRENT]]
    take(folder, PREVIOUS)
    assert [folder.read(label) for label in LABELS] == [versions[CURRENT], versions[PENDING], None]


def test_the_first_one_has_none_before_it(folder: Folder) -> None:
    folder.keep_pending(made())
    take(folder, PENDING)
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
        take(folder, PENDING)
        take(folder, PREVIOUS)
    assert calls > fatal
    monkeypatch.undo()
    current = folder.read(CURRENT)
    assert current in versions.values()
    assert matches(current.leaf, current.key)
    # Nothing that was issued is lost, so that the next run needs no other.
    assert versions[PENDING] in [folder.read(label) for label in LABELS]
    assert list(Path(folder.path).glob(".*")) == []


def test_what_has_leaked_is_known_without_its_key_however_often_it_is_replaced(
    folder: Folder, versions: dict[str, Bundle]
) -> None:
    serials = [folder.keep_leaked()]
    take(folder, PENDING)
    # The run ended here. The next one replaces the new one as well, and the leaked one is in no version any more.
    serials.append(folder.keep_leaked())
    folder.keep_pending(made())
    take(folder, PENDING)
    kept = folder.leaked()
    assert versions[CURRENT] not in [folder.read(label) for label in LABELS]
    assert sorted(kept) == sorted(f"{folder.path}/leaked-{serial}.pem" for serial in serials)
    assert set(kept.values()) == {versions[CURRENT].leaf, versions[PENDING].leaf}
    assert folder.keep_leaked() == folder.keep_leaked()
    assert len(folder.leaked()) == 3


def test_what_nobody_has_signed_cannot_be_revoked(folder: Folder) -> None:
    Path(folder.file(CURRENT)).write_text(ISSUER.root)
    assert (folder.keep_leaked(), folder.leaked()) == ("", {})
    Path(folder.file(CURRENT)).unlink()
    with pytest.raises(CertificateError, match=r"there is no .*current\.pem"):
        folder.keep_leaked()


def test_a_look_says_what_has_leaked(folder: Folder, versions: dict[str, Bundle], load_module: Any) -> None:  # noqa: ANN401
    look = load_module("certificate_info").look
    serial = folder.keep_leaked()
    file = f"{folder.path}/leaked-{serial}.pem"
    known = {"file": file, "serial": serial, "certificate": versions[CURRENT].leaf}
    assert look(folder, [], NOW)["leaked"] == [{**known, "has_expired": False}]
    assert look(folder, [], NOW + 91 * DAY)["leaked"] == [{**known, "has_expired": True}]
    Path(file).write_text("nothing")
    (damaged,) = look(folder, [], NOW)["leaked"]
    assert (damaged["file"], damaged["has_expired"]) == (file, False)


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


def test_only_those_authorities_are_trusted_that_were_named(
    stage: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued, system = made(), tmp_path / "system"
    system.mkdir()
    (system / "root.pem").write_text(ISSUER.root)
    subprocess.run(["openssl", "rehash", system], check=True)
    monkeypatch.setenv("SSL_CERT_DIR", str(system))
    assert stage.chain_flaw(Refused(), issued, "") == ""
    assert "leads to no authority" in stage.chain_flaw(Refused(), issued, Issuer("stranger").root)
