#!/usr/bin/python
"""Turn one switch of the load balancer, now and for its next start."""

from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_switch
short_description: Turn one switch of the load balancer, now and for its next start
description:
  - HAProxy looks the switches up for each request, so the next request is treated by the new value.
  - The running HAProxy is told first and the file is written after it, whole or not at all; both are read back.
  - Requests that are being answered are not disturbed.
author: Drillbook
options:
  key:
    description: The switch.
    type: str
    required: true
    choices: [live, maintenance, retry_after]
  value:
    description:
      - V(blue) or V(green) for O(key=live), V(on) or V(off) for O(key=maintenance).
      - Whole seconds for O(key=retry_after).
    type: str
    required: true
  backends:
    description:
      - Backends of which one at least must have a server that can be given requests.
      - While none has, it is waited O(within) seconds for one, and then nothing is changed.
    type: list
    elements: str
    default: []
  within:
    description: Seconds to wait for O(backends).
    type: float
    default: 3.0
  path:
    description: The map file that the configuration of HAProxy names.
    type: path
    default: /etc/haproxy/switches.map
  socket:
    description: Path of the admin socket.
    type: path
    default: /run/haproxy/admin.sock
attributes:
  check_mode:
    support: full
    description: Says whether something would change.
"""

EXAMPLES = r"""
- name: Send customers to green
  haproxy_switch:
    key: live
    value: green
    backends: [green_ready, green_alive]
  become: true
"""

RETURN = r"""
before:
  description: What held before, in the running HAProxy and in the file.
  returned: always
  type: dict
  sample: {running: blue, kept: blue}
after:
  description: What was read back.
  returned: always
  type: dict
  sample: {running: green, kept: green}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.haproxy import (
    SOCKET,
    SWITCHES,
    ask,
    read_switches,
    running_switches,
    usable_servers,
    with_switch,
    write_map,
)

VALUES = {"live": ("blue", "green"), "maintenance": ("on", "off")}
PAUSE_S = 0.05
SPEC = {
    "key": {"type": "str", "required": True, "choices": ["live", "maintenance", "retry_after"], "no_log": False},
    "value": {"type": "str", "required": True},
    "backends": {"type": "list", "elements": "str", "default": []},
    "within": {"type": "float", "default": 3.0},
    "path": {"type": "path", "default": SWITCHES},
    "socket": {"type": "path", "default": SOCKET},
}


class NotSwitchedError(Exception):
    """The switch is not where it should be; the message says where it is."""


def refusal(key: str, value: str) -> str | None:
    """Why a switch cannot have this value; None when it can."""
    allowed = VALUES.get(key)
    if allowed is None:
        return None if value.isdecimal() else f"{key} is {value!r}, and must be whole seconds"
    return None if value in allowed else f"{key} is {value!r}, and must be {' or '.join(allowed)}"


def look(asked: dict[str, Any]) -> dict[str, str | None]:
    """What holds now and what holds after the next start."""
    running = running_switches(ask(asked["socket"], f"show map {asked['path']}"))
    return {"running": running.get(asked["key"]), "kept": read_switches(asked["path"]).get(asked["key"])}


def await_servers(asked: dict[str, Any]) -> None:
    """Returns when a server of the backends can be given requests: HAProxy may not have seen yet that it can.

    Raises:
        NotSwitchedError: None can, so customers would be refused.
    """
    deadline = time.monotonic() + asked["within"]
    while asked["backends"] and not usable_servers(ask(asked["socket"], "show stat"), asked["backends"]):
        if time.monotonic() > deadline:
            raise NotSwitchedError(
                f"no server of {' or '.join(asked['backends'])} answers HAProxy's health checks after "
                f"{asked['within']:g} s, so customers would be refused; nothing was changed. "
                "HINT: start the instances of that colour, or see why they do not answer: journalctl -u 'bookings@*'"
            )
        time.sleep(PAUSE_S)


def turn(asked: dict[str, Any]) -> None:
    """Tells the running HAProxy first, for that is what customers feel; then keeps it for the next start.

    Raises:
        NotSwitchedError: HAProxy does not know the switch.
    """
    answer = ask(asked["socket"], f"set map {asked['path']} {asked['key']} {asked['value']}").strip()
    if answer:
        raise NotSwitchedError(
            f"HAProxy did not take {asked['key']} {asked['value']}: {answer} Nothing was changed. "
            f"HINT: compare {asked['path']} with the configuration of HAProxy, then systemctl reload haproxy"
        )
    keep(asked["path"], asked["key"], asked["value"])


def keep(path: str, key: str, value: str) -> None:
    """Writes the value into the file."""
    with open(path, encoding="utf-8") as file:
        text = with_switch(file.read(), key, value)
    write_map(path, text)


def main() -> None:
    """Turns the switch and returns what was read back."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    asked = module.params
    reason = refusal(asked["key"], asked["value"])
    if reason:
        module.fail_json(msg=f"{reason}; nothing was changed. HINT: correct the value")
    wanted = {"running": asked["value"], "kept": asked["value"]}
    before: dict[str, str | None] = {}
    try:
        before = look(asked)
        changes = before != wanted
        if changes and not module.check_mode:
            await_servers(asked)
            turn(asked)
        after = look(asked)
    except OSError as error:
        module.fail_json(
            msg=f"cannot turn {asked['key']} to {asked['value']}: {error}; before, it was {before or 'not seen'}. "
            "HINT: systemctl status haproxy; then follow this step again, for it may be half done",
            before=before,
        )
    except NotSwitchedError as error:
        module.fail_json(msg=str(error), before=before)
    if after != wanted and not module.check_mode:
        module.fail_json(
            msg=f"{asked['key']} was turned to {asked['value']}, and afterwards it is {after}. "
            "HINT: somebody else turns it as well; find out who, and follow this step again",
            before=before,
            after=after,
        )
    module.exit_json(changed=changes, before=before, after=after)


if __name__ == "__main__":
    main()
