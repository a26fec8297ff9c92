"""Every version that a store of secrets ever had: rotations forget old ones, which must stay secret all the same."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, get_file_vault_secret

from tests.canaries.canary import Canary

if TYPE_CHECKING:
    from pathlib import Path

EVERY_S = 0.05


class VersionsSeen:
    """Looks at a vault file again whenever it has changed, in a thread, for as long as the block lasts.

    A version is in the file through at least two writes that are seconds apart, so none is missed.
    """

    def __init__(self, vault: Path, password: Path) -> None:
        self._vault, self._password = vault, password
        self._seen: dict[str, Canary] = {}
        self._stamp: tuple[int, int] = (0, 0)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._look()

    @property
    def canaries(self) -> list[Canary]:
        """All versions so far, and the password of the file itself."""
        return [*self._seen.values(), Canary("the vault's password", self._password.read_text())]

    def _watch(self) -> None:
        while not self._ended.is_set():
            self._look()
            time.sleep(EVERY_S)

    def _look(self) -> None:
        if not self._vault.exists():
            return
        facts = self._vault.stat()
        if (facts.st_ino, facts.st_mtime_ns) == self._stamp:
            return
        for name, versions in read(self._vault, self._password).items():
            for one in versions.values():
                told = f"{name} {one['id'][:8]}"
                self._seen[told] = Canary(told, one["value"])
        self._stamp = (facts.st_ino, facts.st_mtime_ns)


def read(vault: Path, password: Path) -> dict[str, dict[str, dict[str, str]]]:
    """The id and value of every version, by secret and label."""
    return yaml.safe_load(_vault(password).decrypt(vault.read_bytes())) or {}


def write(vault: Path, password: Path, content: dict[str, dict[str, dict[str, str]]]) -> None:
    """Put other content in its place, at once."""
    part = vault.with_name("part")
    part.touch(mode=0o600)
    part.write_bytes(_vault(password).encrypt(yaml.safe_dump(content)))
    part.replace(vault)


def _vault(password: Path) -> VaultLib:
    secret = get_file_vault_secret(str(password), loader=DataLoader())
    secret.load()
    return VaultLib([("default", secret)])
