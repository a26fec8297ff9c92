#!/usr/bin/python
"""Say of every certificate of an environment what it is and how long it is valid."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_report_info
short_description: Say of every certificate of an environment what it is and how long it is valid
description:
  - Makes a table for people and metrics for Prometheus of what was seen on the hosts.
  - What was not seen is unknown, and unknown is never good. So there is a row for each certificate on each host that
    must serve it, whatever was seen.
author: Drillbook
options:
  environment:
    description: The name of the environment.
    type: str
    required: true
  seen:
    description: What was seen, a list of dictionaries with name, host, current, served, because and error.
    type: list
    elements: dict
    required: true
  certificates:
    description: What there must be, a list of dictionaries with name and hosts, which is the group that serves it.
    type: list
    elements: dict
    required: true
  groups:
    description: The hosts of each group.
    type: dict
    required: true
attributes:
  check_mode:
    support: full
    description: It only looks.
"""

EXAMPLES = r"""
- name: Make the report
  certificate_report_info:
    environment: production
    seen: "{{ seen }}"
    certificates: "{{ certificates }}"
    groups: "{{ groups }}"
  register: report
"""

RETURN = r"""
table:
  description: The lines of the table; what expires first comes first.
  returned: always
  type: list
metrics:
  description: The text for Prometheus.
  returned: always
  type: str
failing:
  description: What has expired, could not be read or was not seen, and why; not empty where there are no certificates.
  returned: always
  type: list
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.certificate_report import failing, metrics, rows, table

SPEC = {
    "environment": {"type": "str", "required": True},
    "seen": {"type": "list", "elements": "dict", "required": True},
    "certificates": {"type": "list", "elements": "dict", "required": True},
    "groups": {"type": "dict", "required": True},
}


def main() -> None:
    """Makes the report."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    asked, now = module.params, time.time()
    found = rows(asked["seen"], asked["certificates"], asked["groups"])
    module.exit_json(
        changed=False,
        table=table(found, now),
        metrics=metrics(found, asked["environment"], now),
        failing=failing(found, now),
    )


if __name__ == "__main__":
    main()
