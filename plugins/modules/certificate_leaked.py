#!/usr/bin/python
"""Keep what is public of a certificate whose key has leaked, until it is revoked."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_leaked
short_description: Keep what is public of a certificate whose key has leaked, until it is revoked
description:
  - The current version of the certificate is kept without its key as V(leaked-<serial>.pem), beside the others. It
    outlives any number of renewals, so that a run that is interrupted does not forget what is to be revoked.
  - M(certificate_info) says which were kept. Whoever has revoked one removes its file.
  - A certificate that no authority has signed is not kept; nobody trusts it and nobody could revoke it.
author: Drillbook
options:
  folder:
    description: Where the versions of the certificate are.
    type: path
    required: true
attributes:
  check_mode:
    support: none
    description: Does nothing in check mode.
"""

EXAMPLES = r"""
- name: Keep what is public of the certificate whose key has leaked
  certificate_leaked:
    folder: /etc/certificates/bookings
  become: true
"""

RETURN = r"""
serial:
  description: The serial number of what was kept, in upper-case hexadecimal digits; empty when nothing was to be kept.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.certificate import CertificateError
from ansible.module_utils.certificate_folder import Folder

SPEC = {"folder": {"type": "path", "required": True}}


def main() -> None:
    """Keeps it."""
    module = AnsibleModule(argument_spec=SPEC)
    folder = Folder(module.params["folder"])
    try:
        serial = folder.keep_leaked()
    except (CertificateError, OSError) as error:
        module.fail_json(
            msg=f"cannot keep which certificate of {folder.path} has leaked: {error}; nothing was changed. "
            "HINT: ansible-playbook playbooks/site.yml makes one where there is none"
        )
    module.exit_json(changed=bool(serial), serial=serial)


if __name__ == "__main__":
    main()
