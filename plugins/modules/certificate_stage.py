#!/usr/bin/python
"""Check a certificate that was issued, and keep it beside the one in use."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_stage
short_description: Check a certificate that was issued, and keep it beside the one in use
description:
  - The key that it was asked for waits on the host as V(pending.key); it never leaves the host.
  - The certificate is for the domains, valid now, belongs to the key, and its chain leads to a trusted authority.
    If anything of that is not so, nothing is changed.
  - Then it is kept as V(pending.pem), whole or not at all, with its chain and its key. It is not used yet.
author: Drillbook
options:
  folder:
    description: Where the versions of the certificate are.
    type: path
    required: true
  domains:
    description: The names that the certificate must be for.
    type: list
    elements: str
    required: true
  chain:
    description: The certificate and those above it, in PEM, the certificate first.
    type: str
    required: true
  authorities:
    description: Whom to trust, as certificates in PEM. Empty means the authorities that the host's system trusts.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Checks, and keeps nothing.
"""

EXAMPLES = r"""
- name: Check what was issued, and keep it
  certificate_stage:
    folder: /etc/certificates/bookings
    domains: [bookings.example.com]
    chain: "{{ issued.selected_chain.full_chain }}"
  become: true
"""

RETURN = r"""
serial:
  description: The serial number of what is pending now, in upper-case hexadecimal digits.
  returned: success
  type: str
flaws:
  description: Why it was refused.
  returned: failure
  type: list
"""

import os
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.certificate import Bundle, CertificateError, bundle, facts, flaws
from ansible.module_utils.certificate_folder import Folder

SPEC = {
    "folder": {"type": "path", "required": True},
    "domains": {"type": "list", "elements": "str", "required": True},
    "chain": {"type": "str", "required": True},
    "authorities": {"type": "str", "default": ""},
}


def chain_flaw(module: AnsibleModule, issued: Bundle, authorities: str) -> str:
    """Why its chain leads to no authority; empty when it leads to one. OpenSSL decides, as for any client."""
    with tempfile.TemporaryDirectory() as folder:
        parts = {"leaf": issued.leaf, "above": "".join(issued.chain), "authorities": authorities}
        paths = {name: os.path.join(folder, name) for name in parts}
        for name, text in parts.items():
            with open(paths[name], "w", encoding="ascii") as file:
                file.write(text)
        # Without the last two, those that the system trusts would be trusted as well.
        trust = ["-CAfile", paths["authorities"], "-no-CApath", "-no-CAstore"] if authorities else []
        above = ["-untrusted", paths["above"]] if issued.chain else []
        answer = module.run_command(["openssl", "verify", "-purpose", "sslserver", *trust, *above, paths["leaf"]])
    if answer[0] == 0:
        return ""
    said = [line for line in (answer[2] + answer[1]).splitlines() if line.startswith("error ") and " lookup:" in line]
    return f"its chain leads to no authority that is trusted ({(said or [answer[2].strip()])[0].partition(': ')[2]})"


def main() -> None:
    """Checks and keeps it."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    asked, now = module.params, time.time()
    folder = Folder(asked["folder"])
    try:
        parts = bundle(asked["chain"])
        issued = Bundle(parts.leaf, parts.chain, folder.pending_key())
        found = flaws(issued, asked["domains"], now)
    except (CertificateError, OSError) as error:
        module.fail_json(
            msg=f"what was issued for {folder.path} cannot be used: {error}; nothing was changed", flaws=[str(error)]
        )
    found += [flaw for flaw in [chain_flaw(module, issued, asked["authorities"])] if flaw]
    if found:
        module.fail_json(
            msg=f"what was issued for {folder.path} is refused: {', and '.join(found)}; nothing was changed",
            flaws=found,
        )
    if not module.check_mode:
        folder.keep_pending(issued)
    module.exit_json(changed=True, serial=facts(issued.leaf).serial)


if __name__ == "__main__":
    main()
