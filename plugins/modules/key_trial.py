#!/usr/bin/python
"""Prove which keys the bookings service accepts, by trying them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: key_trial
short_description: Prove which keys the bookings service accepts, by trying them
description:
  - Signs a payment or a token with each key, and looks whether the instance listens to it, or answers 401.
  - A key that was made up just now is tried as well, and must be refused. Who accepts it does not look at keys.
  - It uses nothing of the service, so that what it says of its keys is not believed but seen.
  - Nothing is changed. The payment is of a booking that does not exist.
author: Drillbook
options:
  kind:
    description: What is signed. V(webhook_secret) signs payments, V(signing_key) signs tokens.
    type: str
    choices: [webhook_secret, signing_key]
    required: true
  urls:
    description: Where instances listen. One where nothing listens is left out; at least one must answer.
    type: list
    elements: str
    required: true
  accepted:
    description: The keys that must be accepted. New tokens must be signed with the one whose label is V(current).
    type: list
    elements: dict
    default: []
    suboptions: &key
      label:
        description: What it is for, as it stands in the checks.
        type: str
        required: true
      id:
        description: Its id.
        type: str
        required: true
      value:
        description: The secret, or the private key in PEM.
        type: str
        required: true
  refused:
    description: The keys that must be refused.
    type: list
    elements: dict
    default: []
    suboptions: *key
  issuer:
    description: The issuer that tokens name.
    type: str
    default: bookings
  within:
    description: Seconds until everything must be as it is asked for.
    type: float
    default: 10.0
attributes:
  check_mode:
    support: full
    description: It only looks.
"""

EXAMPLES = r"""
- name: Prove that the former secret is dead
  key_trial:
    kind: webhook_secret
    urls: [http://127.0.0.1:8001]
    accepted: "{{ lookup('secret', 'bookings/webhook', field='versions') | labelled(['current']) }}"
    refused: "{{ lookup('secret', 'bookings/webhook', field='versions') | labelled(['previous']) }}"
"""

RETURN = r"""
checks:
  description: What was found of each key on each instance that listens. A failure returns it too.
  returned: always
  type: list
  elements: dict
  sample:
    - check: "webhook_secret: the previous one is refused"
      outcome: met
      because: "http://127.0.0.1:8001: it answers 401 to what is signed with 6f1ed002"
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.key_trial import Instance, Key, Trial, flaws, try_all

KEY = {
    "label": {"type": "str", "required": True},
    "id": {"type": "str", "required": True},
    "value": {"type": "str", "required": True, "no_log": True},
}
SPEC = {
    "kind": {"type": "str", "choices": ["webhook_secret", "signing_key"], "required": True},
    "urls": {"type": "list", "elements": "str", "required": True},
    "accepted": {"type": "list", "elements": "dict", "default": [], "options": KEY},
    "refused": {"type": "list", "elements": "dict", "default": [], "options": KEY},
    "issuer": {"type": "str", "default": "bookings"},
    "within": {"type": "float", "default": 10.0},
}
PAUSE_SECONDS = 0.2


class QuietModule(AnsibleModule):  # type: ignore[misc]  # Ansible has no types
    """A module that tells the host's log nothing of its arguments.

    What is in a list is masked there only where it stands letter by letter, and the line ends of a key do not.
    """

    def _log_invocation(self) -> None:
        """Nothing."""


def main() -> None:
    """Run the module."""
    module = QuietModule(argument_spec=SPEC, supports_check_mode=True)
    asked = module.params
    keys = {name: tuple(Key(**one) for one in asked[name]) for name in ("accepted", "refused")}
    trial = Trial(asked["kind"], **keys, issuer=asked["issuer"])
    instances = [Instance(url) for url in asked["urls"]]
    deadline = time.monotonic() + asked["within"]
    while wrong := flaws(checks := try_all(trial, instances)):
        if time.monotonic() > deadline:
            told = [check._asdict() for check in checks]
            hint = "HINT: run it again; what is done is kept"
            module.fail_json(msg=f"{wrong}, after {asked['within']:g} s. {hint}", checks=told)
        time.sleep(PAUSE_SECONDS)
    module.exit_json(changed=False, checks=[check._asdict() for check in checks])


if __name__ == "__main__":
    main()
