"""Says what was found, check by check; an action of the same name does it, on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: proof
short_description: Say what was found, check by check, and fail unless all is as it must be
description:
  - What a step has tried stands in the report of a drill, check by check, when it is said with this.
  - It fails when a check is missed or unknown. One that is not checked is said, and does not fail.
author: Drillbook
options:
  checks:
    description: What was tried and what came of it. No value of a secret may be in it.
    type: list
    elements: dict
    required: true
    suboptions:
      check:
        description: What must be so.
        type: str
        required: true
      outcome:
        description: Whether it is.
        type: str
        choices: [met, missed, unknown, not checked]
        required: true
      because:
        description: What was seen.
        type: str
        required: true
  hint:
    description: What to do when a check is missed or unknown.
    type: str
    required: true
attributes:
  check_mode:
    support: full
    description: It only says.
"""

EXAMPLES = r"""
- name: Prove that the former login is refused
  proof:
    checks:
      - check: "database_password: the previous one is refused"
        outcome: "{{ 'met' if tried.msg is search('authentication failed') else 'unknown' }}"
        because: "{{ tried.msg }}"
    hint: run it again
"""

RETURN = r"""
checks:
  description: The checks as they were given.
  returned: always
  type: list
  elements: dict
"""
