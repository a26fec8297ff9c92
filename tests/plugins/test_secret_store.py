"""A secret store keeps its promises, whichever it is: one set of tests over the file and over AWS Secrets Manager."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible.module_utils.secret_aws import SecretsManager
from ansible.module_utils.secret_store import CURRENT, PENDING, PREVIOUS, SecretError, Store, ids_of, open_store
from ansible.module_utils.secret_vault_file import VaultFile
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Opener = Callable[[], Store]

NAME = "bookings/webhook"
VALUE = "canary-in-the-vault"


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture(params=["vault_file", "aws_secrets_manager"])
def opener(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    aws: str,
    credentials: None,  # noqa: ARG001  it sets the environment
) -> Opener:
    """Opens the same store anew, as each task of a playbook does."""
    (tmp_path / "password").write_text("a password of the vault\n")
    settings = {
        "store": request.param,
        "vault_file": str(tmp_path / "secrets.yml"),
        "vault_password_file": str(tmp_path / "password"),
        "aws_prefix": f"{tmp_path.name}/",
        "aws_region": "ap-southeast-3",
        "aws_endpoint": aws,
    }
    return lambda: open_store(settings)


def values(store: Store, name: str = NAME) -> dict[str, str]:
    return {label: version.value for label, version in store.versions(name).items()}


def test_nothing_is_known_of_a_secret_that_nobody_added(opener: Opener) -> None:
    assert opener().versions("nobody/knows") == {}


def test_the_first_version_is_current_and_the_next_one_is_pending(opener: Opener) -> None:
    opener().add(NAME, "one")
    opener().add(NAME, "two")
    assert values(opener()) == {CURRENT: "one", PENDING: "two"}
    assert len({version.id for version in opener().versions(NAME).values()}) == 2


def test_a_first_version_is_made_once_whoever_comes_second(opener: Opener) -> None:
    opener().make(NAME, "one")
    opener().make(NAME, "two")
    assert values(opener()) == {CURRENT: "one"}


def test_what_was_current_is_previous_until_it_is_retired(opener: Opener) -> None:
    opener().add(NAME, "one")
    opener().add(NAME, "two")
    pending = opener().versions(NAME)[PENDING].id
    opener().promote(NAME)
    assert values(opener()) == {CURRENT: "two", PREVIOUS: "one"}
    assert opener().versions(NAME)[CURRENT].id == pending, "a version keeps its id"
    opener().retire(NAME)
    assert values(opener()) == {CURRENT: "two"}


def test_a_second_rotation_is_like_the_first(opener: Opener) -> None:
    opener().add(NAME, "one")
    for value in ("two", "three"):
        opener().add(NAME, value)
        opener().promote(NAME)
        opener().retire(NAME)
    assert values(opener()) == {CURRENT: "three"}


def test_nothing_pending_cannot_be_promoted_and_nothing_is_changed(opener: Opener) -> None:
    opener().add(NAME, "one")
    with pytest.raises(SecretError, match=f"no version of {NAME} is pending"):
        opener().promote(NAME)
    assert values(opener()) == {CURRENT: "one"}


def test_to_retire_where_nothing_is_previous_changes_nothing(opener: Opener) -> None:
    opener().add(NAME, "one")
    opener().retire(NAME)
    assert values(opener()) == {CURRENT: "one"}


def test_a_new_pending_version_takes_the_place_of_the_pending_one(opener: Opener) -> None:
    for value in ("one", "two", "three"):
        opener().add(NAME, value)
    assert values(opener()) == {CURRENT: "one", PENDING: "three"}


def test_a_rotation_over_an_unfinished_one_forgets_the_oldest(opener: Opener) -> None:
    opener().add(NAME, "one")
    for value in ("two", "three"):
        opener().add(NAME, value)
        opener().promote(NAME)
    assert values(opener()) == {CURRENT: "three", PREVIOUS: "two"}


def test_secrets_do_not_touch_each_other(opener: Opener) -> None:
    opener().add(NAME, "one")
    opener().add("automation/ssh_key", "another\nwith lines: and {braces}\n")
    opener().add(NAME, "two")
    opener().promote(NAME)
    assert values(opener(), "automation/ssh_key") == {CURRENT: "another\nwith lines: and {braces}\n"}


def test_a_version_does_not_show_its_value(opener: Opener) -> None:
    opener().add(NAME, VALUE)
    assert VALUE not in repr(opener().versions(NAME))


def test_what_was_seen_before_may_be_changed(opener: Opener) -> None:
    opener().add(NAME, "one")
    opener().add(NAME, "two", ids_of(opener().versions(NAME)))
    opener().promote(NAME, ids_of(opener().versions(NAME)))
    opener().retire(NAME, ids_of(opener().versions(NAME)))
    assert values(opener()) == {CURRENT: "two"}


@pytest.mark.parametrize("beside", ["added", "added and promoted"])
def test_a_version_that_somebody_else_added_since_is_not_taken_for_the_one_that_was_seen(
    opener: Opener, beside: str
) -> None:
    opener().add(NAME, "one")
    before = ids_of(opener().versions(NAME))
    opener().add(NAME, "two")
    seen = ids_of(opener().versions(NAME))
    opener().add(NAME, "of somebody else")
    if beside == "added and promoted":
        opener().promote(NAME)
    there = values(opener())
    for state, known in (("added", before), ("added", seen), ("promoted", seen)):
        with pytest.raises(SecretError, match=rf"version of {NAME} was .*somebody else is rotating it.*HINT"):
            opener().add(NAME, "three", known) if state == "added" else opener().promote(NAME, known)
    assert values(opener()) == there


def test_a_former_version_that_was_not_seen_is_not_retired(opener: Opener) -> None:
    opener().add(NAME, "one")
    opener().add(NAME, "two")
    opener().promote(NAME)
    seen = ids_of(opener().versions(NAME))
    opener().add(NAME, "of somebody else")
    opener().promote(NAME)
    with pytest.raises(SecretError, match=f"previous version of {NAME} was {seen[PREVIOUS]} and is .*somebody else"):
        opener().retire(NAME, seen)
    assert values(opener()) == {CURRENT: "of somebody else", PREVIOUS: "two"}


def test_an_unknown_store_is_refused() -> None:
    with pytest.raises(SecretError, match=r"secret_store is 'paper'.*HINT: set it to vault_file or aws"):
        open_store({"store": "paper"})


def test_a_vault_without_its_file_or_password_is_refused() -> None:
    with pytest.raises(SecretError, match=r"secret_vault_password_file is not set.*HINT"):
        open_store({"store": "vault_file", "vault_file": "/nowhere"})


# The file alone.


@pytest.fixture
def vault(tmp_path: Path) -> VaultFile:
    (tmp_path / "password").write_text("a password of the vault\n")
    return VaultFile(str(tmp_path / "secrets.yml"), str(tmp_path / "password"))


def test_the_file_is_ansible_vaults_own_and_for_its_owner_alone(vault: VaultFile, tmp_path: Path) -> None:
    vault.add(NAME, VALUE)
    file = tmp_path / "secrets.yml"
    assert file.read_text().startswith("$ANSIBLE_VAULT;1.1;AES256")
    assert file.stat().st_mode & 0o777 == 0o600
    program = Path(sys.executable).with_name("ansible-vault")
    command = [str(program), "view", "--vault-password-file", str(tmp_path / "password"), str(file)]
    assert VALUE in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_wrong_password_is_said_without_a_value(vault: VaultFile, tmp_path: Path) -> None:
    vault.add(NAME, VALUE)
    (tmp_path / "password").write_text("another one\n")
    VaultFile._read.clear()
    with pytest.raises(SecretError, match=r"cannot be decrypted with the password in .*password\. HINT"):
        vault.versions(NAME)


def test_a_file_of_another_form_is_said_without_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a password\n")
    (tmp_path / "secrets.yml").write_text(f"{NAME}: {{{VALUE}")
    program = Path(sys.executable).with_name("ansible-vault")
    arguments = ["encrypt", "--vault-password-file", str(tmp_path / "password"), str(tmp_path / "secrets.yml")]
    subprocess.run([str(program), *arguments], capture_output=True, check=True)
    with pytest.raises(SecretError, match="does not hold secrets by name and label") as refused:
        VaultFile(str(tmp_path / "secrets.yml"), str(tmp_path / "password")).versions(NAME)
    assert VALUE not in str(refused.value)


def test_a_password_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match=r"the vault's password cannot be read from .*nowhere\. HINT"):
        VaultFile(str(tmp_path / "secrets.yml"), str(tmp_path / "nowhere")).add(NAME, VALUE)
    assert not (tmp_path / "secrets.yml").exists()


def test_two_at_once_lose_nothing(vault: VaultFile) -> None:
    names = [f"secret/{number}" for number in range(8)]
    with ThreadPoolExecutor(4) as several:
        list(several.map(lambda name: vault.add(name, name), names))
    assert [values(vault, name) for name in names] == [{CURRENT: name} for name in names]


def test_a_write_that_fails_leaves_the_file_as_it_was(
    vault: VaultFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.add(NAME, "one")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        vault.add(NAME, "two")
    assert values(vault) == {CURRENT: "one"}
    assert {file.name for file in tmp_path.iterdir()} == {"password", "secrets.yml", "secrets.yml.lock"}


def test_a_new_store_makes_its_password_once(tmp_path: Path) -> None:
    store = VaultFile(str(tmp_path / "new" / "secrets.yml"), str(tmp_path / "new" / "password"))
    store.found()
    password = (tmp_path / "new" / "password").read_text()
    store.found()
    assert (tmp_path / "new" / "password").read_text() == password
    assert (tmp_path / "new" / "password").stat().st_mode & 0o777 == 0o600
    (tmp_path / "new" / "password").unlink()
    store = VaultFile(str(tmp_path / "new" / "secrets.yml"), str(tmp_path / "new" / "password"))
    (tmp_path / "new" / "secrets.yml").write_text("$ANSIBLE_VAULT;1.1;AES256")
    store.found()
    assert not (tmp_path / "new" / "password").exists(), "a new password opens no old vault"


# AWS alone.


@pytest.mark.usefixtures("credentials")
def test_a_promotion_that_was_cut_off_in_its_middle_is_done(aws: str) -> None:
    """AWS has moved AWSCURRENT; nobody has taken AWSPENDING away."""
    store = SecretsManager("cut/", "ap-southeast-3", aws)
    store.add(NAME, "one")
    store.add(NAME, "two")
    ids = store._ids(NAME)
    store._move(NAME, "AWSCURRENT", MoveToVersionId=ids[PENDING], RemoveFromVersionId=ids[CURRENT])
    assert values(store) == {CURRENT: "two", PREVIOUS: "one"}
    store.add(NAME, "three")
    store.promote(NAME)
    assert values(store) == {CURRENT: "three", PREVIOUS: "two"}


def test_aws_that_is_not_reached_is_said_with_a_hint(credentials: None) -> None:  # noqa: ARG001  as above
    with pytest.raises(SecretError, match=r"AWS Secrets Manager does not describe secret: .*HINT: aws sts"):
        SecretsManager("", "ap-southeast-3", "http://127.0.0.1:9").versions(NAME)
