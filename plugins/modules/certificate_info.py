#!/usr/bin/python
"""Look at the versions of a certificate on the host that serves it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_info
short_description: Look at the versions of a certificate on the host that serves it
description:
  - Says of the current, the pending and the previous version what it is for and how long it is valid.
  - Says whether the current one must be renewed, and whether the pending one can be used instead.
  - Says which certificates have leaked, as M(certificate_leaked) has kept them.
  - No private key is returned. Nothing is changed.
author: Drillbook
options:
  folder:
    description: Where the versions are.
    type: path
    required: true
  domains:
    description: The names that the certificate must be for.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    support: full
    description: It only looks.
"""

EXAMPLES = r"""
- name: Look at the certificate of the bookings service
  certificate_info:
    folder: /etc/certificates/bookings
    domains: [bookings.example.com]
  become: true
  register: found
"""

RETURN = r"""
versions:
  description: What was found, by label; null where there is no such version.
  returned: always
  type: dict
  contains:
    current:
      description: What is served.
      type: dict
      contains:
        names: {description: "The domains that it is for", type: list}
        issuer: {description: "Who signed it", type: str}
        serial: {description: "Its serial number, in upper-case hexadecimal digits", type: str}
        not_before: {description: "From when on it is valid, in seconds since 1970", type: float}
        not_after: {description: "Until when it is valid", type: float}
        seconds_left: {description: "For how long it is valid yet; negative once it has expired", type: int}
        left: {description: "The same in words", type: str}
    pending: {description: "What was issued and is not used yet", type: dict}
    previous: {description: "What was used before", type: dict}
is_due:
  description: Whether it must be renewed.
  returned: always
  type: bool
because:
  description: Why; empty when it need not be.
  returned: always
  type: str
pending_ready:
  description: Whether the pending version can be used as it is.
  returned: always
  type: bool
leaked:
  description: The certificates whose keys have leaked and that are not known to be revoked.
  returned: always
  type: list
  elements: dict
  contains:
    file: {description: "Where it is kept", type: str}
    serial: {description: "Its serial number", type: str}
    certificate: {description: "What is public of it, in PEM", type: str}
    has_expired: {description: "Whether nobody trusts it any more without its being revoked", type: bool}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.certificate import Bundle, CertificateError, due, facts
from ansible.module_utils.certificate_folder import CURRENT, LABELS, PENDING, Folder

SPEC = {"folder": {"type": "path", "required": True}, "domains": {"type": "list", "elements": "str", "required": True}}


def look(folder: Folder, domains: list[str], now: float) -> dict[str, Any]:
    """What is there, and what to do about it. A version that is damaged counts as one that is not there."""
    versions: dict[str, Bundle | None] = dict.fromkeys(LABELS)
    damaged: dict[str, str] = {}
    for label in LABELS:
        try:
            versions[label] = folder.read(label)
        except CertificateError as error:
            damaged[label] = str(error)
    current, pending = versions[CURRENT], versions[PENDING]
    because = due(current, domains, now) if current else damaged.get(CURRENT, "there is none")
    return {
        "versions": {label: found and facts(found.leaf).told(now) for label, found in versions.items()},
        "is_due": bool(because),
        "because": because,
        "pending_ready": pending is not None and not due(pending, domains, now),
        "leaked": [leak(path, pem, now) for path, pem in folder.leaked().items()],
    }


def leak(path: str, pem: str, now: float) -> dict[str, Any]:
    """What is known of a certificate whose key has leaked. A damaged one is not left out, for it is not revoked."""
    try:
        said = facts(pem)
    except CertificateError as error:
        return {"file": path, "serial": f"({error})", "certificate": pem, "has_expired": False}
    return {"file": path, "serial": said.serial, "certificate": pem, "has_expired": said.not_after <= now}


def main() -> None:
    """Looks and returns what was seen."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        found = look(Folder(module.params["folder"]), module.params["domains"], time.time())
    except OSError as error:
        module.fail_json(msg=f"cannot read {module.params['folder']}: {error.strerror}. HINT: run it as root (become)")
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
