#!/usr/bin/python
"""Say how HAProxy sees the servers of its backends."""

from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_servers_info
short_description: Say how HAProxy sees the servers of its backends
description: Reads HAProxy's own statistics from its admin socket. Nothing is changed.
author: Drillbook
options:
  socket:
    description: Path of the admin socket.
    type: path
    default: /run/haproxy/admin.sock
  backend:
    description: Only the servers of this backend.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: It only looks.
"""

EXAMPLES = r"""
- name: Ask the balancer which database servers answer
  haproxy_servers_info:
    backend: database
  become: true
  register: seen
"""

RETURN = r"""
servers:
  description: One entry for each server, by name.
  returned: always
  type: dict
  sample:
    db1: {status: UP, check: L7OK, settled: true}
    db2: {status: DOWN, check: L7STS, settled: true}
"""

import csv
import socket
from typing import Any

from ansible.module_utils.basic import AnsibleModule

SPEC = {"socket": {"type": "path", "default": "/run/haproxy/admin.sock"}, "backend": {"type": "str", "required": True}}


def ask(path: str, command: str) -> str:
    """The answer of HAProxy's admin socket to `command`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(3)
        connection.connect(path)
        connection.sendall(command.encode() + b"\n")
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer.decode()


def servers(statistics: str, backend: str) -> dict[str, dict[str, Any]]:
    """The servers of `backend` in the CSV that `show stat` prints.

    `settled` is false while HAProxy is between up and down ("UP 1/2"): it has seen a check fail and will check again.
    """
    rows = csv.DictReader(statistics.removeprefix("# ").splitlines())
    return {
        row["svname"]: {
            "status": row["status"].split()[0],
            "check": row["check_status"].lstrip("* "),
            "settled": "/" not in row["status"],
        }
        for row in rows
        if row["pxname"] == backend and row["svname"] not in ("FRONTEND", "BACKEND")
    }


def main() -> None:
    """Looks and returns what was seen."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    asked = module.params
    try:
        found = servers(ask(asked["socket"], "show stat"), asked["backend"])
    except OSError as error:
        module.fail_json(msg=f"cannot ask HAProxy on {asked['socket']}: {error}. HINT: systemctl status haproxy")
    if not found:
        module.fail_json(
            msg=f"HAProxy has no backend {asked['backend']!r}. HINT: grep -n backend /etc/haproxy/haproxy.cfg"
        )
    module.exit_json(changed=False, servers=found)


if __name__ == "__main__":
    main()
