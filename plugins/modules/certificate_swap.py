#!/usr/bin/python
"""Use another version of a certificate, without an interruption."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_swap
short_description: Use another version of a certificate, without an interruption
description:
  - O(take=pending) makes the pending version the current one, and the current one the previous one.
  - O(take=previous) goes back; what was current is pending then.
  - O(take=current) changes no file; a running HAProxy that has loaded another version gets the current one.
  - A running HAProxy is told first, through its admin socket, and read back. Then the file that it reads when it starts
    is replaced, whole or not at all. New handshakes get the other version; connections that are open stay as they are.
  - When the file cannot be replaced, HAProxy is given again what the file holds.
  - Where no O(socket) is named, the program that serves must be told to read the file anew.
author: Drillbook
options:
  folder:
    description: Where the versions of the certificate are.
    type: path
    required: true
  take:
    description: The version to use.
    type: str
    choices: [pending, previous, current]
    required: true
  socket:
    description: Path of HAProxy's admin socket; empty when it is not HAProxy that serves.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Says whether something would change.
"""

EXAMPLES = r"""
- name: Use what was issued
  certificate_swap:
    folder: /etc/certificates/bookings
    take: pending
    socket: /run/haproxy/admin.sock
  become: true
"""

RETURN = r"""
serial:
  description: The serial number of what is current now, in upper-case hexadecimal digits.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.certificate import CertificateError, facts
from ansible.module_utils.certificate_folder import CURRENT, PENDING, PREVIOUS, Folder
from ansible.module_utils.haproxy_certificate import replace, served_serial

SPEC = {
    "folder": {"type": "path", "required": True},
    "take": {"type": "str", "required": True, "choices": [PENDING, PREVIOUS, CURRENT]},
    "socket": {"type": "str", "default": ""},
}


def swap(folder: Folder, take: str, socket: str, *, only_look: bool) -> tuple[bool, str]:
    """Whether something changed, or would, and the serial number of what is used now.

    Raises:
        CertificateError: It cannot be done; the text says what is served then.
        OSError: It cannot be done; nothing was changed.
    """
    wanted = folder.read(take)
    if wanted is None:
        raise CertificateError(f"there is no {take} version in {folder.path}")
    serial = facts(wanted.leaf).serial
    path = folder.file(CURRENT)
    differs = bool(socket) and served_serial(socket, path) != serial
    if only_look:
        return differs or take != CURRENT, serial
    folder.prepare(take)
    try:
        if differs:
            replace(socket, path, wanted)
        folder.use(take)
    except (CertificateError, OSError) as error:
        raise CertificateError(f"{error}; {served_after_failure(folder, socket)}") from error
    return differs or take != CURRENT, serial


def served_after_failure(folder: Folder, socket: str) -> str:
    """What is served, in words. HAProxy is given the current version, unless it has that already."""
    path = folder.file(CURRENT)
    try:
        current = folder.read(CURRENT)
        if socket and current and served_serial(socket, path) != facts(current.leaf).serial:
            replace(socket, path, current)
    except (CertificateError, OSError) as error:
        return f"HAProxy may serve another one than {path}, which could not be given to it again: {error}"
    return f"{path} is the one in use"


def main() -> None:
    """Uses the version and returns which it is."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    asked = module.params
    folder = Folder(asked["folder"])
    try:
        changed, serial = swap(folder, asked["take"], asked["socket"], only_look=module.check_mode)
    except (CertificateError, OSError) as error:
        module.fail_json(
            msg=f"cannot use the {asked['take']} version of {folder.path}: {error}. "
            "HINT: follow this step again, for that does no harm"
        )
    module.exit_json(changed=changed, serial=serial)


if __name__ == "__main__":
    main()
