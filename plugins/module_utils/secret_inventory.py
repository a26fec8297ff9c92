"""What an inventory says about its secrets, as the lookup and the action of this name both want to know it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ansible.module_utils.secret_store import CURRENT, SecretError, Store, Version, open_store
from ansible.module_utils.secret_value import new_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SETTINGS = ("store", "vault_file", "vault_password_file", "aws_prefix", "aws_region", "aws_endpoint")
VARIABLES = (*(f"secret_{name}" for name in SETTINGS), "secret_kinds", "secret_make_missing")


class Inventory:
    """The secrets of one inventory: where they are kept, and how new ones are made."""

    def __init__(self, variables: Mapping[str, Any], resolve: Callable[[Any], Any]) -> None:
        said = {name: resolve(variables[name]) for name in VARIABLES if name in variables}
        self.store: Store = open_store({name: str(said.get(f"secret_{name}") or "") for name in SETTINGS})
        self._kinds: dict[str, Any] = said.get("secret_kinds") or {}
        self._makes_missing = str(said.get("secret_make_missing", False)).lower() in {"true", "yes", "1"}
        if self._makes_missing:
            self.store.found()

    def versions(self, name: str) -> dict[str, Version]:
        """The versions of a secret by label. Where the inventory allows it, one that is missing is made.

        Raises:
            SecretError: There is no such secret.
        """
        versions: dict[str, Version] = self.store.versions(name)
        if CURRENT not in versions and self._makes_missing and name in self._kinds:
            self.store.make(name, self.first(name))
            versions = self.store.versions(name)
        if CURRENT not in versions:
            raise SecretError(
                f"there is no secret {name}. HINT: describe it in secret_kinds, then make it with "
                f"ansible 'all[0]' -i <inventory> -m secret -a 'name={name} state=made'"
            )
        return versions

    def first(self, name: str) -> str:
        """The first value of a secret: what is used already in the file that its kind names as `adopt`, or a new one.

        Raises:
            SecretError: The inventory does not say of what kind it is, or the file cannot be read.
        """
        file = os.path.expanduser(str(self._kinds.get(name, {}).get("adopt") or ""))
        if not file or not os.path.exists(file):
            return self.new(name, {})
        try:
            with open(file, encoding="utf-8") as used:
                return used.read()
        except OSError as error:
            raise SecretError(f"{file}, which {name} is to adopt, cannot be read: {error.strerror}") from None

    def new(self, name: str, versions: Mapping[str, Version]) -> str:
        """A new value for a secret.

        Raises:
            SecretError: The inventory does not say of what kind it is.
        """
        if name not in self._kinds:
            raise SecretError(
                f"nothing says of what kind {name} is. HINT: secret_kinds: {{{name}: {{kind: password}}}}"
            )
        current = versions.get(CURRENT)
        return str(new_value(name, self._kinds[name], current.value if current else None))
