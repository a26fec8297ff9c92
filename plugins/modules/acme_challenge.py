#!/usr/bin/python
"""Let the load balancer answer the HTTP-01 challenges of an ACME server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: acme_challenge
short_description: Let the load balancer answer the HTTP-01 challenges of an ACME server
description:
  - HAProxy answers them itself from a map, so no reload is needed, and the service gets none of their requests.
  - The running HAProxy is told, and the map file is written, so that an answer that is waited for outlives a reload.
  - Both are read back. With O(state=absent) the answers are in neither any more.
author: Drillbook
options:
  answers:
    description: What is answered, by path.
    type: dict
    required: true
  state:
    description: Whether the challenges are answered.
    type: str
    choices: [present, absent]
    default: present
  path:
    description: The map file that the configuration of HAProxy names.
    type: path
    default: /etc/haproxy/challenges.map
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
- name: Answer the challenge
  acme_challenge:
    answers:
      /.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZ: evaGxfADs6pSRb2LAv9IZ.9jg46WB3rR
  become: true
"""

RETURN = r"""
answered:
  description: The paths that are answered now, in the running HAProxy.
  returned: success
  type: list
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.haproxy import (
    CHALLENGES,
    SOCKET,
    ask,
    kept_switches,
    running_switches,
    with_switch,
    without_switch,
    write_map,
)

SPEC = {
    "answers": {"type": "dict", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "path": {"type": "path", "default": CHALLENGES},
    "socket": {"type": "path", "default": SOCKET},
}


class NotAnsweredError(Exception):
    """HAProxy does not answer as it should; the text says what it said."""


def tell(asked: dict[str, Any], verb: str, *words: str) -> None:
    """Tells the running HAProxy.

    Raises:
        NotAnsweredError: It did not do it.
    """
    said = ask(asked["socket"], " ".join([verb, "map", asked["path"], *words]))
    if said.strip():
        raise NotAnsweredError(f"HAProxy did not {verb} the answer for {words[0]}: {' '.join(said.split())}")


def answer(asked: dict[str, Any], *, only_look: bool) -> bool:
    """Whether something changed, or would."""
    path, answers, wanted = asked["path"], asked["answers"], asked["state"] == "present"
    running = running_switches(ask(asked["socket"], f"show map {path}"))
    with open(path, encoding="utf-8") as file:
        text = file.read()
    kept = kept_switches(text)
    wrong = {key for key in answers for seen in (running, kept) if seen.get(key) != (answers[key] if wanted else None)}
    if only_look:
        return bool(wrong)
    for key in sorted(wrong):
        if wanted and running.get(key) != answers[key]:
            tell(asked, "set" if key in running else "add", key, answers[key])
        elif not wanted and key in running:
            tell(asked, "del", key)
        text = with_switch(text, key, answers[key]) if wanted else without_switch(text, key)
    if wrong:
        write_map(path, text)
    return bool(wrong)


def unsettled(asked: dict[str, Any], running: dict[str, str]) -> list[str]:
    """The paths that the running HAProxy answers otherwise than was asked. Where nothing was asked there are none."""
    wanted = asked["state"] == "present"
    return sorted(path for path, text in asked["answers"].items() if running.get(path) != (text if wanted else None))


def main() -> None:
    """Sets the answers, and returns which are given."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    asked = module.params
    try:
        changed = answer(asked, only_look=module.check_mode)
        running = running_switches(ask(asked["socket"], f"show map {asked['path']}"))
    except (NotAnsweredError, OSError) as error:
        module.fail_json(
            msg=f"the challenges cannot be {asked['state']}: {error}. "
            "HINT: systemctl status haproxy; where the map is missing, ansible-playbook playbooks/site.yml"
        )
    if not module.check_mode and (wrong := unsettled(asked, running)):
        module.fail_json(
            msg=f"{', '.join(wrong)} is to be {asked['state']} and is not: HAProxy answers {sorted(running)}. "
            "HINT: follow this step again"
        )
    module.exit_json(changed=changed, answered=sorted(running))


if __name__ == "__main__":
    main()
