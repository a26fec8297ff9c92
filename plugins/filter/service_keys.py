"""Turns versions of a secret into what the bookings service is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible import constants, module_utils
from ansible.errors import AnsibleFilterError

# Ansible looks there for modules alone; what runs on the controller has to be told.
module_utils.__path__.extend(set(constants.DEFAULT_MODULE_UTILS_PATH) - set(module_utils.__path__))

from ansible.module_utils.secret_store import CURRENT, LABELS, SecretError
from ansible.module_utils.secret_value import public_part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Versions = Mapping[str, Mapping[str, str]]


def webhook_secrets(versions: Versions, labels: Sequence[str] = LABELS) -> list[dict[str, str]]:
    """The secrets to accept: id and secret of each version that has one of the labels."""
    return [{"id": versions[label]["id"], "secret": versions[label]["value"]} for label in labels if label in versions]


def signing_keys(versions: Versions, labels: Sequence[str] = LABELS) -> dict[str, Any]:
    """The keys whose tokens are good, and which one signs. That one alone is there with its private part."""
    try:
        keys = [
            {"kid": versions[label]["id"], "public_pem": public_part("the signing key", versions[label]["value"])}
            | ({"private_pem": versions[label]["value"]} if label == CURRENT else {})
            for label in labels
            if label in versions
        ]
    except SecretError as error:
        raise AnsibleFilterError(str(error)) from None
    return {"current": versions[CURRENT]["id"], "keys": keys}


def labelled(versions: Versions, labels: Sequence[str]) -> list[dict[str, str]]:
    """Label, id and value of each version that has one of the labels."""
    return [{"label": label, **versions[label]} for label in labels if label in versions]


class FilterModule:
    """The filters, by their names."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """What Ansible asks for."""
        return {"webhook_secrets": webhook_secrets, "signing_keys": signing_keys, "labelled": labelled}
