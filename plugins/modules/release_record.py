#!/usr/bin/python
"""Note in the record of releases that one was begun, switched to, proved healthy or was left."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_record
short_description: Note in the record of releases that one was begun, switched to, proved healthy or was left
description:
  - Appends one line of JSON, and returns when it is on the disk and was read back. Nothing is ever taken away.
  - The record says to which release a rollback goes; M(releases_info) reads it.
author: Drillbook
options:
  event:
    description:
      - V(begun) when a deploy of it begins, before anything is touched.
      - V(switched) when customers were sent to it, V(healthy) when it proved itself under their requests.
      - V(left) when it was rolled back from.
    type: str
    required: true
    choices: [begun, switched, healthy, left]
  release:
    description: Digest of the release.
    type: str
    required: true
  version:
    description: What people call it.
    type: str
  from:
    description: Digest of the release that served before.
    type: str
  to:
    description: Digest of the release that customers get instead of the one that is left.
    type: str
  colour:
    description: The colour that customers get.
    type: str
    choices: [blue, green]
  environment:
    description: Where this is.
    type: str
  by:
    description: Who did it.
    type: str
  approved_by:
    description: Who approved it.
    type: str
  change:
    description: The change it belongs to.
    type: str
  because:
    description: Why, with figures.
    type: str
  path:
    description: The record.
    type: path
    default: /var/lib/haproxy/releases.jsonl
attributes:
  check_mode:
    support: full
    description: Says that something would change.
"""

EXAMPLES = r"""
- name: Note that the release serves
  release_record:
    event: switched
    release: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    version: 1.1.0
    colour: green
    by: ops
  become: true
"""

RETURN = r"""
noted:
  description: The event as it was read back.
  returned: success
  type: dict
"""

from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.release_record import DIGEST, EVENTS, PATH, append, read

TEXTS = ("version", "from", "to", "environment", "by", "approved_by", "change", "because")
SPEC: dict[str, dict[str, Any]] = {
    "event": {"type": "str", "required": True, "choices": list(EVENTS)},
    "release": {"type": "str", "required": True},
    "colour": {"type": "str", "choices": ["blue", "green"]},
    "path": {"type": "path", "default": PATH},
    **{name: {"type": "str"} for name in TEXTS},
}


def event(asked: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The event to note: what was given, and when."""
    given = {name: value for name, value in asked.items() if name != "path" and value not in (None, "")}
    return {"at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), **given}


def main() -> None:
    """Notes the event and returns it as it was read back."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    asked = module.params
    for name in ("release", "from", "to"):
        if asked[name] and not DIGEST.fullmatch(asked[name]):
            module.fail_json(
                msg=f"{name} is {asked[name]!r}, and must be sha256: and 64 hexadecimal digits; nothing was noted. "
                "HINT: the digest is what `sha256sum` says of the release's archive"
            )
    noted = event(asked, datetime.now(timezone.utc))  # noqa: UP017  hosts may have an older Python
    if module.check_mode:
        module.exit_json(changed=True, noted=noted)
    try:
        append(asked["path"], noted)
        found = noted in read(asked["path"])
    except OSError as error:
        module.fail_json(msg=f"cannot note {noted} in {asked['path']}: {error}. HINT: df -h {asked['path']}")
    if not found:
        module.fail_json(msg=f"{noted} was written to {asked['path']} and is not there. HINT: tail {asked['path']}")
    module.exit_json(changed=True, noted=noted)


if __name__ == "__main__":
    main()
