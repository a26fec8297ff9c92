#!/usr/bin/python
"""Look from outside which certificate an endpoint serves."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_served_info
short_description: Look from outside which certificate an endpoint serves
description:
  - Does a TLS handshake as a customer does, and says which certificate was shown and whether it can be trusted.
  - An endpoint that does not answer is no failure of the module. RV(error) says what happened.
author: Drillbook
options:
  host:
    description: The address to connect to.
    type: str
    required: true
  port:
    description: The port.
    type: int
    required: true
  server_name:
    description: The name that is asked for, and that the certificate must be for.
    type: str
    required: true
  protocol:
    description: What is spoken before the handshake. V(postgresql) asks for TLS first, as PostgreSQL's clients do.
    type: str
    choices: [tls, postgresql]
    default: tls
  authorities:
    description: Whom to trust, as certificates in PEM. Empty means the authorities that the system trusts.
    type: str
    default: ""
  patience:
    description: Seconds to wait for an answer.
    type: float
    default: 3.0
attributes:
  check_mode:
    support: full
    description: It only looks.
"""

EXAMPLES = r"""
- name: Prove which certificate customers get
  certificate_served_info:
    host: 192.0.2.10
    port: 443
    server_name: bookings.example.com
  register: served
  until: served.is_trusted and served.certificate.serial == issued_serial
  retries: 20
  delay: 0.25
  delegate_to: localhost
"""

RETURN = r"""
certificate:
  description: What was shown, as M(certificate_info) says it; null when none was.
  returned: always
  type: dict
is_trusted:
  description: Whether its chain, names and dates are right.
  returned: always
  type: bool
error:
  description: Why not, or why there was no handshake; empty when all is well.
  returned: always
  type: str
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.certificate import CertificateError, facts
from ansible.module_utils.handshake import Endpoint, shake_hands

SPEC = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "required": True},
    "server_name": {"type": "str", "required": True},
    "protocol": {"type": "str", "default": "tls", "choices": ["tls", "postgresql"]},
    "authorities": {"type": "str", "default": ""},
    "patience": {"type": "float", "default": 3.0},
}


def look(asked: dict[str, Any], now: float) -> dict[str, Any]:
    """What was shown, and whether a customer would trust it."""
    endpoint = Endpoint(asked["host"], asked["port"], asked["server_name"], asked["protocol"], asked["patience"])
    shown, error = shake_hands(endpoint, asked["authorities"])
    try:
        told = facts(shown).told(now) if shown else None
    except CertificateError as flaw:
        told, error = None, str(flaw)
    return {"certificate": told, "is_trusted": not error, "error": error}


def main() -> None:
    """Looks and returns what was seen."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    module.exit_json(changed=False, **look(module.params, time.time()))


if __name__ == "__main__":
    main()
