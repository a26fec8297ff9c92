#!/usr/bin/python
"""Give one PostgreSQL server of a replicated cluster its part: detached, following or promoted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_member
short_description: Give one PostgreSQL server of a replicated cluster its part
description:
  - Each part is one verb done whole, act and proof, for it stands between a lost primary and the first customer served.
  - V(detached) makes a standby stop receiving WAL and waits until it has.
    From then on it acknowledges nothing to the old primary.
  - V(following) makes a standby receive from O(upstream). That may be a standby that is about to be promoted.
  - V(promoted) makes a standby the primary and waits until it has left recovery.
  - Run it as the user the server runs as. What is already so is not done again.
author: Drillbook
requirements: [psycopg2]
options:
  state:
    description: The part.
    type: str
    required: true
    choices: [detached, following, promoted]
  upstream:
    description: The host to receive from; only for O(state=following).
    type: str
  conninfo:
    description: How to reach O(upstream), without its host; a libpq connection string.
    type: str
    default: user=replicator
  within:
    description: Seconds to wait until the part is taken.
    type: float
    default: 30.0
  version:
    description: Major version of the server.
    type: int
    default: 15
  cluster:
    description: Name of the Debian cluster.
    type: str
    default: main
  patience:
    description: Seconds to wait for each answer of the server.
    type: float
    default: 2.0
attributes:
  check_mode:
    support: full
    description: Says whether something would change.
"""

EXAMPLES = r"""
- name: Stop receiving from the old primary
  postgresql_member:
    state: detached

- name: Promote the standby that has most, and point the other at it
  postgresql_member:
    state: "{{ 'promoted' if inventory_hostname == 'db2' else 'following' }}"
    upstream: db2
"""

RETURN = r"""
member:
  description: What the server says of itself afterwards, as returned by M(postgresql_member_info).
  returned: always
  type: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.postgresql_member import ARGUMENTS, IMPORT_ERROR, Member

SPEC = {
    **ARGUMENTS,
    "state": {"type": "str", "required": True, "choices": ["detached", "following", "promoted"]},
    "upstream": {"type": "str"},
    "conninfo": {"type": "str", "default": "user=replicator"},
    "within": {"type": "float", "default": 30.0},
}


class PartNotTakenError(Exception):
    """The server did not take its part in time."""


def detach(member: Member, asked: dict[str, Any]) -> None:
    """Makes a standby stop receiving WAL, and returns when it has stopped."""
    _receive_from(member, "")
    if not member.wait_until("SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)", asked["within"]):
        raise PartNotTakenError(f"it still receives WAL after {asked['within']} s")


def follow(member: Member, asked: dict[str, Any]) -> None:
    """Makes a standby receive from the upstream; does not wait for the stream, whose other end may not be up yet."""
    _receive_from(member, f"host={asked['upstream']} {asked['conninfo']}")


def promote(member: Member, asked: dict[str, Any]) -> None:
    """Makes a standby the primary, and returns when it accepts writes."""
    # pg_promote() could wait by itself, but looks only every 100 ms.
    member.query("SELECT pg_promote(wait => false)")
    if not member.wait_until("SELECT NOT pg_is_in_recovery()", asked["within"]):
        raise PartNotTakenError(f"it is still in recovery after {asked['within']} s")


def _receive_from(member: Member, conninfo: str) -> None:
    member.query("ALTER SYSTEM SET primary_conninfo = %s", (conninfo,))
    member.query("SELECT pg_reload_conf()")


def is_done(seen: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether the server has the part that is asked for already."""
    if asked["state"] == "promoted":
        return bool(seen["state"] == "primary")
    if asked["state"] == "following":
        return bool(seen["upstream"] == asked["upstream"])
    return not (seen["upstream"] or seen["receiving_from"])


def refusal(seen: dict[str, Any], asked: dict[str, Any]) -> str | None:
    """Why the part cannot be given to what was seen; None when it can."""
    if seen["state"] not in ("primary", "standby"):
        return f"the server is {seen['state']}, so it cannot be {asked['state']}"
    if seen["state"] == "primary" and asked["state"] != "promoted":
        return f"the server is a primary, and only a standby can be {asked['state']}"
    return None


def main() -> None:
    """Gives the part and returns what the server is afterwards."""
    required_if = [("state", "following", ["upstream"])]
    module = AnsibleModule(argument_spec=SPEC, required_if=required_if, supports_check_mode=True)
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("psycopg2"))
    asked = module.params
    member = Member(asked["version"], asked["cluster"], asked["patience"])
    seen = member.look()
    reason = refusal(seen, asked)
    if reason:
        module.fail_json(
            msg=f"{reason}. HINT: journalctl -u postgresql@{asked['version']}-{asked['cluster']}", member=seen
        )
    if is_done(seen, asked) or module.check_mode:
        module.exit_json(changed=not is_done(seen, asked), member=seen)
    verb = {"detached": detach, "following": follow, "promoted": promote}[asked["state"]]
    try:
        verb(member, asked)
    except PartNotTakenError as error:
        module.fail_json(msg=f"the server was told to be {asked['state']}, but {error}", member=member.look())
    module.exit_json(changed=True, member=member.look())


if __name__ == "__main__":
    main()
