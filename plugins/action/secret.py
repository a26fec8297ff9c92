"""Changes which versions of a secret there are. It runs on the controller, so that no value leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible import constants, module_utils
from ansible.plugins.action import ActionBase

# Ansible looks there for modules alone; what runs on the controller has to be told.
module_utils.__path__.extend(set(constants.DEFAULT_MODULE_UTILS_PATH) - set(module_utils.__path__))

from ansible.module_utils.secret_inventory import Inventory
from ansible.module_utils.secret_store import CURRENT, LABELS, PENDING, PREVIOUS, SecretError, check_seen, ids_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Whether a state still has to be brought about, by the versions that there are.
LACKS: dict[str, Callable[[Mapping[str, object]], bool]] = {
    "looked": lambda _: False,
    "made": lambda versions: CURRENT not in versions,
    "added": lambda versions: PENDING not in versions,
    "promoted": lambda versions: PENDING in versions,
    "retired": lambda versions: PREVIOUS in versions,
}


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """The action `secret`; its documentation is beside the modules."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Bring the secret to the state, and say which versions there are, by their ids."""
        super().run(tmp, task_vars)
        spec = {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": list(LACKS), "default": "looked"},
            "anew": {"type": "bool", "default": False},
            "seen": {"type": "dict"},
        }
        _, asked = self.validate_argument_spec(argument_spec=spec)
        try:
            inventory = Inventory(task_vars or {}, self._templar.template)
            # Whether one that is missing is made is said by the inventory, or else by whoever asks for just that.
            look = inventory.store.versions if asked["state"] == "made" else inventory.versions
            before = look(asked["name"])
            if asked["state"] == "looked":
                check_seen(asked["name"], asked["seen"], ids_of(before), *LABELS)
            due = LACKS[asked["state"]](before) or (asked["anew"] and asked["state"] == "added")
            if due and not self._task.check_mode:
                self._change(inventory, asked["name"], asked["state"], asked["seen"])
            after = ids_of(inventory.store.versions(asked["name"]))
        except SecretError as error:
            return {"failed": True, "msg": str(error)}
        return {"changed": due, "versions": after}

    @staticmethod
    def _change(inventory: Inventory, name: str, state: str, seen: Mapping[str, str] | None) -> None:
        if state == "promoted":
            inventory.store.promote(name, seen)
        elif state == "retired":
            inventory.store.retire(name, seen)
        elif state == "added":
            inventory.store.add(name, inventory.new(name, inventory.store.versions(name)), seen)
        else:
            inventory.store.make(name, inventory.first(name))
