"""Secrets by name, each in versions that are told apart by what they are for: current, pending, previous."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

CURRENT, PENDING, PREVIOUS = "current", "pending", "previous"
LABELS = (CURRENT, PENDING, PREVIOUS)
BACKENDS = ("vault_file", "aws_secrets_manager")


class SecretError(Exception):
    """The store cannot do it; the text says why, with names and never with values."""


@dataclass(frozen=True)
class Version:
    """One value of a secret. `id` is no secret, and is never used again."""

    id: str
    value: str

    def __repr__(self) -> str:
        """Its id alone: a version may end up in a message."""
        return f"Version({self.id})"


class Store(Protocol):
    """Where secrets are kept. Every change is done whole or not at all, also beside another process.

    A change is told which versions were seen before, as ids by label, and fails if another one is in its way by now;
    where nothing is told, it takes whatever is there.
    """

    def versions(self, name: str) -> dict[str, Version]:
        """The versions of a secret by label; empty when nothing is known of it."""
        ...

    def found(self) -> None:
        """Make what a store needs before its first secret; nothing when it is there."""
        ...

    def make(self, name: str, value: str) -> None:
        """Keep `value` as the first version of a secret, which is current; nothing when there is one."""
        ...

    def add(self, name: str, value: str, seen: Mapping[str, str] | None = None) -> None:
        """Keep `value` as pending, in place of what was pending; as current when there is no other version.

        Raises:
            SecretError: Another version is pending or current than was seen.
        """
        ...

    def promote(self, name: str, seen: Mapping[str, str] | None = None) -> None:
        """What was pending is current, and what was current is previous.

        Raises:
            SecretError: Nothing is pending, or another version is pending or current than was seen.
        """
        ...

    def retire(self, name: str, seen: Mapping[str, str] | None = None) -> None:
        """Forget what was previous; nothing happens when there is none.

        Raises:
            SecretError: Another version is previous than was seen.
        """
        ...


def ids_of(versions: Mapping[str, Version]) -> dict[str, str]:
    """The ids of versions by label, which are no secret."""
    return {label: one.id for label, one in versions.items()}


def check_seen(name: str, seen: Mapping[str, str] | None, found: Mapping[str, str], *labels: str) -> None:
    """Nothing happens if the versions of these labels are the ones that were seen.

    Raises:
        SecretError: One is another by now.
    """
    if seen is None:
        return
    for label in labels:
        before, now = seen.get(label, "none"), found.get(label, "none")
        if now != before:
            raise SecretError(
                f"the {label} version of {name} was {before} and is {now} by now, so somebody else is rotating it; "
                "the store was not changed. HINT: run it again when they are done"
            )


def open_store(settings: Mapping[str, str]) -> Store:
    """The store that the inventory names: `settings` are its variables, without `secret_` before them.

    Raises:
        SecretError: It names none that is known, or leaves out what this one needs.
    """
    backend = settings.get("store", "")
    if backend == "vault_file":
        from ansible.module_utils.secret_vault_file import VaultFile  # noqa: PLC0415  what is not used is not loaded

        store: Store = VaultFile(_needed(settings, "vault_file"), _needed(settings, "vault_password_file"))
        return store
    if backend == "aws_secrets_manager":
        from ansible.module_utils.secret_aws import SecretsManager  # noqa: PLC0415  boto3 takes half a second

        region, endpoint = settings.get("aws_region"), settings.get("aws_endpoint")
        manager: Store = SecretsManager(settings.get("aws_prefix", ""), region, endpoint)
        return manager
    raise SecretError(f"secret_store is '{backend}'. HINT: set it to {' or '.join(BACKENDS)} in the inventory")


def _needed(settings: Mapping[str, str], name: str) -> str:
    if not settings.get(name):
        raise SecretError(f"secret_{name} is not set. HINT: secret_store=vault_file needs it, in the inventory")
    return settings[name]
