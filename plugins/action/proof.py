"""Says what was found, check by check, and fails unless all of it is as it must be. It runs on the controller."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

OUTCOMES = ("met", "missed", "unknown", "not checked")
GOOD = {"met", "not checked"}


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """The action `proof`; its documentation is beside the modules."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Give the checks back, and fail with those that are missed or unknown."""
        super().run(tmp, task_vars)
        check = {
            "check": {"type": "str", "required": True},
            "outcome": {"type": "str", "choices": list(OUTCOMES), "required": True},
            "because": {"type": "str", "required": True},
        }
        spec = {
            "checks": {"type": "list", "elements": "dict", "options": check, "required": True},
            "hint": {"type": "str", "required": True},
        }
        _, asked = self.validate_argument_spec(argument_spec=spec)
        return result_of(asked["checks"], asked["hint"])


def result_of(checks: list[dict[str, str]], hint: str) -> dict[str, Any]:
    """The checks, and whether they prove what they are to prove."""
    bad = [one for one in checks if one["outcome"] not in GOOD]
    told = "; ".join(f"{one['check']}: {one['outcome']}: {one['because']}" for one in bad)
    result = {"changed": False, "failed": bool(bad) or not checks, "checks": checks}
    return result | ({"msg": f"{told or 'nothing was checked'}. HINT: {hint}"} if result["failed"] else {})
