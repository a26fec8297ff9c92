"""Secrets in one file that ansible-vault encrypts: `name: {current: {id: …, value: …}, …}`."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.secret_store import CURRENT, PENDING, PREVIOUS, SecretError, Version, check_seen, ids_of
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, get_file_vault_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Versions = dict[str, Version]


class VaultFile:
    """The store in a file, which `ansible-vault edit` opens as well. Its password's file may be a program."""

    # What the file held when it was read last, so that a playbook does not decrypt it for every task.
    _read: dict[tuple[str, int, int, int], dict[str, Versions]] = {}  # noqa: RUF012  shared on purpose

    def __init__(self, path: str, password_file: str) -> None:
        self._path = os.path.abspath(os.path.expanduser(path))
        self._password_file = os.path.abspath(os.path.expanduser(password_file))

    def found(self) -> None:
        """Make the password of a store that does not exist yet."""
        if os.path.exists(self._path) or os.path.exists(self._password_file):
            return
        with _locked(self._path):
            if not os.path.exists(self._password_file):
                _write(self._password_file, secrets.token_urlsafe(32).encode() + b"\n")

    def versions(self, name: str) -> Versions:
        """The versions of a secret by label."""
        return dict(self._load().get(name, {}))

    def make(self, name: str, value: str) -> None:
        """Keep a value as the first version."""
        with self._changing(name) as versions:
            versions.setdefault(CURRENT, Version(str(uuid.uuid4()), value))

    def add(self, name: str, value: str, seen: Mapping[str, str] | None = None) -> None:
        """Keep a value as pending; as current when there is no other version."""
        with self._changing(name) as versions:
            check_seen(name, seen, ids_of(versions), CURRENT, PENDING)
            versions[PENDING if CURRENT in versions else CURRENT] = Version(str(uuid.uuid4()), value)

    def promote(self, name: str, seen: Mapping[str, str] | None = None) -> None:
        """What was pending is current, and what was current is previous."""
        with self._changing(name) as versions:
            check_seen(name, seen, ids_of(versions), CURRENT, PENDING)
            if PENDING not in versions:
                raise SecretError(f"no version of {name} is pending, so none can take over")
            versions[PREVIOUS], versions[CURRENT] = versions[CURRENT], versions.pop(PENDING)

    def retire(self, name: str, seen: Mapping[str, str] | None = None) -> None:
        """Forget what was previous."""
        with self._changing(name) as versions:
            check_seen(name, seen, ids_of(versions), PREVIOUS)
            versions.pop(PREVIOUS, None)

    @contextmanager
    def _changing(self, name: str) -> Iterator[Versions]:
        with _locked(self._path):
            everything = self._load()
            versions = dict(everything.get(name, {}))
            yield versions
            if versions != everything.get(name, {}):
                self._store({**everything, name: versions})

    def _load(self) -> dict[str, Versions]:
        try:
            with open(self._path, "rb") as file:
                facts = os.fstat(file.fileno())
                stamp = (self._path, facts.st_ino, facts.st_mtime_ns, facts.st_size)
                if stamp not in self._read:
                    self._read.clear()
                    self._read[stamp] = self._decrypt(file.read())
                return self._read[stamp]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SecretError(f"{self._path} cannot be read: {error.strerror}") from None

    def _decrypt(self, text: bytes) -> dict[str, Versions]:
        try:
            content: dict[str, dict[str, Any]] = yaml.safe_load(self._vault().decrypt(text)) or {}
            return {
                name: {label: Version(str(one["id"]), str(one["value"])) for label, one in versions.items()}
                for name, versions in content.items()
            }
        except AnsibleError:
            raise SecretError(
                f"{self._path} cannot be decrypted with the password in {self._password_file}. "
                "HINT: ansible-vault view --vault-password-file says more"
            ) from None
        except (yaml.YAMLError, AttributeError, KeyError, TypeError):
            # What YAML says of an error quotes the line, and the line may be a secret.
            raise SecretError(f"{self._path} does not hold secrets by name and label, each with id and value") from None

    def _store(self, everything: dict[str, Versions]) -> None:
        content = {
            name: {label: {"id": one.id, "value": one.value} for label, one in versions.items()}
            for name, versions in everything.items()
        }
        # By way of JSON: Ansible gives names as strings of a kind of its own, which YAML does not know.
        _write(self._path, self._vault().encrypt(yaml.safe_dump(json.loads(json.dumps(content)))))

    def _vault(self) -> VaultLib:
        try:
            secret = get_file_vault_secret(self._password_file, loader=DataLoader())
            secret.load()
        except AnsibleError:
            raise SecretError(
                f"the vault's password cannot be read from {self._password_file}. "
                "HINT: put it there (mode 0600), or name its file with secret_vault_password_file"
            ) from None
        return VaultLib([("default", secret)])


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """One process at a time changes the file; the lock ends with the process that holds it."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: str, content: bytes) -> None:
    """The file is the old one or the new one, whatever happens; nobody else may read it from its first byte on."""
    folder = os.path.dirname(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=folder)
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
