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
  description:
    - One entry for each server, by name.
    - C(status) and C(check) are what the health checks found, C(settled) is false between up and down.
    - C(wanted) is what people made of it (ready, drain or maint), C(sessions) are its customers at this moment.
  returned: always
  type: dict
  sample:
    db1: {status: UP, check: L7OK, settled: true, wanted: ready, sessions: 12}
    db2: {status: DOWN, check: L7STS, settled: true, wanted: ready, sessions: 0}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.haproxy import SOCKET, administrative_states, ask, statistics

SPEC = {"socket": {"type": "path", "default": SOCKET}, "backend": {"type": "str", "required": True}}


def servers(figures: str, states: str, backend: str) -> dict[str, dict[str, Any]]:
    """The servers of `backend`, from what `show stat` and `show servers state` print.

    `settled` is false while HAProxy is between up and down ("UP 1/2"): it has seen a check fail and will check again.
    """
    wanted = administrative_states(states)
    return {
        row["svname"]: {
            "status": row["status"].split()[0],
            "check": row["check_status"].lstrip("* "),
            "settled": "/" not in row["status"],
            "wanted": wanted.get((backend, row["svname"]), "ready"),
            "sessions": int(row["scur"]),
        }
        for row in statistics(figures)
        if row["pxname"] == backend and row["svname"] not in ("FRONTEND", "BACKEND")
    }


def main() -> None:
    """Looks and returns what was seen."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    asked = module.params
    try:
        figures, states = (ask(asked["socket"], f"show {what}") for what in ("stat", "servers state"))
    except OSError as error:
        module.fail_json(msg=f"cannot ask HAProxy on {asked['socket']}: {error}. HINT: systemctl status haproxy")
    found = servers(figures, states, asked["backend"])
    if not found:
        module.fail_json(
            msg=f"HAProxy has no backend {asked['backend']!r}. HINT: grep -n backend /etc/haproxy/haproxy.cfg"
        )
    module.exit_json(changed=False, servers=found)


if __name__ == "__main__":
    main()
