#!/usr/bin/python
"""Say of every certificate of an environment what it is and how long it is valid."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_report_info
short_description: Say of every certificate of an environment what it is and how long it is valid
description:
  - Makes a table for people and metrics for Prometheus of what was seen on the hosts.
  - What was not seen is unknown, and unknown is never good.
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
  description: What has expired or could not be read, as certificate and host.
  returned: always
  type: list
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.certificate_report import metrics, row, table

SPEC = {
    "environment": {"type": "str", "required": True},
    "seen": {"type": "list", "elements": "dict", "required": True},
}


def main() -> None:
    """Makes the report."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    rows, now = [row(seen) for seen in module.params["seen"]], time.time()
    module.exit_json(
        changed=False,
        table=table(rows, now),
        metrics=metrics(rows, module.params["environment"], now),
        failing=[f"{one.name} on {one.host}: {one.state(now)}" for one in rows if one.fails(now)],
    )


if __name__ == "__main__":
    main()
