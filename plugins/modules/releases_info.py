#!/usr/bin/python
"""Say which release customers get, which could be had instead, and which it was before."""

from __future__ import annotations

DOCUMENTATION = r"""
module: releases_info
short_description: Say which release customers get, which could be had instead, and which it was before
description:
  - Asks the balancer where customers go, and at the same time each instance of the service what it is.
  - Reads the record of releases. Nothing is changed.
  - Takes about a second at most, whatever hangs or is switched off.
author: Drillbook
options:
  release:
    description: Digest of the release that customers are to get; empty means the one before.
    type: str
    default: ""
  applications:
    description: The application hosts, each with the address the balancer reaches it by.
    type: dict
    required: true
  ports:
    description: The port of each colour.
    type: dict
    required: true
  timeout:
    description: Seconds to wait for each instance.
    type: float
    default: 0.7
  record:
    description: The record of releases.
    type: path
    default: /var/lib/haproxy/releases.jsonl
  path:
    description: The map file with the switches.
    type: path
    default: /etc/haproxy/switches.map
  socket:
    description: Path of HAProxy's admin socket.
    type: path
    default: /run/haproxy/admin.sock
attributes:
  check_mode:
    support: full
    description: It only looks.
"""

EXAMPLES = r"""
- name: See which release serves
  releases_info:
    applications: {app1: 10.1.2.21, app2: 10.1.2.22}
    ports: {blue: 8001, green: 8002}
  become: true
  register: seen
"""

RETURN = r"""
live:
  description: The colour that customers get now.
  returned: always
  type: str
live_kept:
  description: The colour that they will get after the next start of HAProxy.
  returned: always
  type: str
maintenance:
  description: Whether customers are told to come back later (on or off).
  returned: always
  type: str
agree:
  description: Whether the running HAProxy and the file have the same switches.
  returned: always
  type: bool
record:
  description:
    - C(healthy) are the releases that proved themselves, oldest first.
    - C(previous) is the one to go back to from the one that serves, C(last) the newest event.
    - While no instance of the live colour answers, the release last switched to on it counts as the one that serves.
  returned: always
  type: dict
plan:
  description:
    - What has to happen so that customers get the release - on which C(colour) and C(hosts), which hosts are
      C(missing) because they cannot be reached, whether it C(serves), is C(at_hand) there or is C(done), and which
      colour and release are the C(former) ones.
  returned: success
  type: dict
colours:
  description:
    - For each colour its release (null when hosts in service disagree or none answers), the hosts in service that are
      ready, and each host.
    - A host is C(reachable) when a connection is made or refused, and not C(in_service) when a server of its was
      drained or taken out on the balancer.
  returned: always
  type: dict
  sample:
    blue:
      release: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
      ready: [app1]
      hosts:
        app1: {reachable: true, answers: true, ready: true, in_service: true, because: null, version: 1.1.0,
               release: "sha256:0123…", schema_state: works}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.haproxy import (
    SOCKET,
    SWITCHES,
    administrative_states,
    ask,
    read_switches,
    running_switches,
)
from ansible.module_utils.haproxy_instances import Answer, Question, ask_all, colour, instance
from ansible.module_utils.release_plan import plan
from ansible.module_utils.release_record import PATH, Event, healthy, previous, read, served_last

SPEC: dict[str, dict[str, Any]] = {
    "release": {"type": "str", "default": ""},
    "applications": {"type": "dict", "required": True},
    "ports": {"type": "dict", "required": True},
    "timeout": {"type": "float", "default": 0.7},
    "record": {"type": "path", "default": PATH},
    "path": {"type": "path", "default": SWITCHES},
    "socket": {"type": "path", "default": SOCKET},
}
# A name that is looked up for long must not hold up the rest.
GRACE_S = 0.2

States = dict[tuple[str, str], str]


def in_service(states: States, host: str, name: str) -> bool:
    """Whether nobody has taken the host's instance of this colour out of service, on the balancer."""
    return all(states.get((f"{name}_{kind}", host), "ready") == "ready" for kind in ("ready", "alive"))


def colours(answers: dict[Question, Answer], states: States) -> dict[str, dict[str, Any]]:
    """What is known of each colour."""
    found: dict[str, dict[str, Any]] = {}
    for host, name, path in answers:
        if path == "/version":
            both = answers[Question(host, name, path)], answers[Question(host, name, "/readyz")]
            found.setdefault(name, {})[host] = instance(*both, in_service=in_service(states, host, name))
    return {name: colour(hosts) for name, hosts in found.items()}


def history(record: list[Event], live: str | None, serving: str | None) -> dict[str, Any]:
    """What the record says, seen from the release that serves as the live colour."""
    return {
        "healthy": healthy(record),
        "previous": previous(record, serving or served_last(record, live)),
        "last": record[-1] if record else None,
    }


def look(asked: dict[str, Any]) -> dict[str, Any]:
    """Everything that is known."""
    running = running_switches(ask(asked["socket"], f"show map {asked['path']}"))
    kept = read_switches(asked["path"])
    states = administrative_states(ask(asked["socket"], "show servers state"))
    ports = {name: int(port) for name, port in asked["ports"].items()}
    answers = ask_all(asked["applications"], ports, asked["timeout"], asked["timeout"] + GRACE_S)
    found = colours(answers, states)
    live = running.get("live")
    return {
        "live": live,
        "live_kept": kept.get("live"),
        "maintenance": running.get("maintenance"),
        "agree": running == kept,
        "record": history(read(asked["record"]), live, found.get(live or "", {}).get("release")),
        "colours": found,
    }


def main() -> None:
    """Looks and returns what was seen."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    asked = module.params
    try:
        found = look(asked)
    except OSError as error:
        module.fail_json(msg=f"cannot see which release serves: {error}. HINT: systemctl status haproxy")
    if found["live"] is None:
        module.fail_json(
            msg=f"the running HAProxy has no switch `live` in {asked['path']}, so nobody knows which release serves. "
            f"HINT: grep switches /etc/haproxy/haproxy.cfg; cat {asked['path']}; then systemctl reload haproxy",
            **found,
        )
    module.exit_json(changed=False, plan=plan(found, asked["release"]), **found)


if __name__ == "__main__":
    main()
