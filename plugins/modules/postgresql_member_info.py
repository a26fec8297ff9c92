#!/usr/bin/python
"""Look at one PostgreSQL server of a replicated cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_member_info
short_description: Look at one PostgreSQL server of a replicated cluster
description:
  - Says whether the server on this host is a primary or a standby, how much WAL it has, and from whom it receives.
  - Never waits longer than O(patience); a server that accepts connections and does not answer is V(silent).
  - Run it as the user the server runs as. Nothing is changed.
author: Drillbook
requirements: [psycopg2]
options:
  version:
    description: Major version of the server.
    type: int
    default: 15
  cluster:
    description: Name of the Debian cluster.
    type: str
    default: main
  patience:
    description: Seconds to wait for an answer.
    type: float
    default: 2.0
attributes:
  check_mode:
    support: full
    description: It only looks.
"""

EXAMPLES = r"""
- name: Look at the database server
  postgresql_member_info:
  become: true
  become_user: postgres
  register: member
"""

RETURN = r"""
member:
  description: What was seen.
  returned: always
  type: dict
  contains:
    state: {description: "primary, standby, silent, stopped or absent", type: str}
    timeline: {description: "The timeline written or received last", type: int}
    position: {description: "Bytes of WAL written (primary) or received (standby)", type: int}
    receiving_from: {description: "The host it streams from now, or empty", type: str}
    upstream: {description: "The host it is told to stream from, or empty", type: str}
    replicas: {description: "The standbys that stream from it", type: list}
    system_identifier: {description: "The cluster it belongs to", type: str}
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.postgresql_member import ARGUMENTS, IMPORT_ERROR, Member


def main() -> None:
    """Looks and returns what was seen."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("psycopg2"))
    asked = module.params
    member = Member(asked["version"], asked["cluster"], asked["patience"])
    module.exit_json(changed=False, member=member.look())


if __name__ == "__main__":
    main()
