"""Reads a secret from the store that the inventory names."""

from __future__ import annotations

from typing import Any

from ansible import constants, module_utils
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

# Ansible looks there for modules alone; what runs on the controller has to be told.
module_utils.__path__.extend(set(constants.DEFAULT_MODULE_UTILS_PATH) - set(module_utils.__path__))

from ansible.module_utils.secret_inventory import Inventory
from ansible.module_utils.secret_store import CURRENT, LABELS, SecretError
from ansible.module_utils.secret_value import public_part

FIELDS = ("value", "id", "public", "versions")

DOCUMENTATION = r"""
name: secret
short_description: A secret from the store that the inventory names
description:
  - Secrets are kept in a file that ansible-vault encrypts, or in AWS Secrets Manager, as C(secret_store) says.
  - Where C(secret_make_missing) is true, a secret that is missing is made as C(secret_kinds) describes it.
author: Drillbook
options:
  _terms:
    description: The names of secrets.
    required: true
  label:
    description: Which version.
    type: str
    choices: [current, pending, previous]
    default: current
  field:
    description:
      - The value itself, the id of the version, which is no secret, or the public part of a key.
      - V(versions) gives all versions by label, each with id and value; the label is not looked at then.
    type: str
    choices: [value, id, public, versions]
    default: value
  default:
    description: What is given where there is no version of this label. Without it that is an error.
    type: str
"""

EXAMPLES = r"""
- name: Sign with what is used now
  ansible.builtin.set_fact:
    webhook_secret: "{{ lookup('secret', 'bookings/webhook') }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: The values, ids or public keys; or a dict for each name.
  type: list
  elements: raw
"""


class LookupModule(LookupBase):  # type: ignore[misc]  # Ansible has no types
    """The lookup `secret`."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[Any]:  # noqa: ANN401
        """The value, id or public part of each secret."""
        label, field = kwargs.get("label", CURRENT), kwargs.get("field", "value")
        if label not in LABELS or field not in FIELDS:
            raise AnsibleLookupError(
                f"label is {label}, field is {field}. HINT: choose of {', '.join(LABELS)} and of {', '.join(FIELDS)}"
            )
        try:
            inventory = Inventory(variables or {}, self._templar.template)
            return [self._one(inventory, str(name), label, field, kwargs.get("default")) for name in terms]
        except SecretError as error:
            raise AnsibleLookupError(str(error)) from None

    @staticmethod
    def _one(inventory: Inventory, name: str, label: str, field: str, default: str | None) -> Any:  # noqa: ANN401
        versions = inventory.versions(name)
        if field == "versions":
            return {known: {"id": one.id, "value": one.value} for known, one in versions.items()}
        if label not in versions:
            if default is not None:
                return default
            raise SecretError(f"{name} has no version that is {label}")
        found = versions[label]
        return public_part(name, found.value) if field == "public" else getattr(found, field)
