"""Changes which versions of a secret there are; an action of the same name does it, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: secret
short_description: Add, promote or retire a version of a secret
description:
  - A secret has versions by label. V(current) is used now, V(pending) is not yet used, V(previous) was used before.
  - Where they are kept is said by the inventory (C(secret_store)), and how a new one is made as well (C(secret_kinds)).
  - It runs on the controller. Values are neither given nor returned.
author: Drillbook
options:
  name:
    description: The secret.
    type: str
    required: true
  state:
    description:
      - V(looked) changes nothing. V(made) makes a secret that does not exist. V(added) adds a pending version.
      - A secret that does not exist is an error for the others, unless the inventory says C(secret_make_missing).
      - V(promoted) makes what is pending current, and what was current previous. V(retired) forgets what is previous.
      - A state that holds already is left alone, so that each can be asked for again.
    type: str
    choices: [looked, made, added, promoted, retired]
    default: looked
  anew:
    description: With V(added), whether a version that is pending already gives way to a new one.
    type: bool
    default: false
  seen:
    description:
      - The C(versions) that were seen before. Where another one is by now among those that would change, nothing is
        changed and the task fails, because somebody else is rotating the secret. V(looked) compares all of them.
    type: dict
attributes:
  check_mode:
    support: full
    description: Nothing is changed then.
"""

EXAMPLES = r"""
- name: Make the next version
  secret:
    name: bookings/webhook
    state: added
  register: added

- name: Use it, and no other that somebody has added since
  secret:
    name: bookings/webhook
    state: promoted
    seen: "{{ added.versions }}"
"""

RETURN = r"""
versions:
  description: The id of each version, by its label. No value.
  returned: always
  type: dict
  sample: {current: 1a79a4d6-…, pending: 6f1ed002-…}
"""
