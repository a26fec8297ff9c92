"""A proof that was not given is not taken for one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).resolve().parents[2] / "plugins" / "action" / "proof.py"
LEFT_OUT = {"check": "the host that is down", "outcome": "not checked", "because": "it does not answer"}


def said(*checks: dict[str, str]) -> dict[str, Any]:
    """What the action says of the checks."""
    spec = importlib.util.spec_from_file_location("action_proof", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.result_of(list(checks), "try again"))


def check(outcome: str) -> dict[str, str]:
    return {"check": "the old one is refused", "outcome": outcome, "because": "it says so"}


def test_what_was_met_and_what_was_left_out_is_said() -> None:
    assert said(check("met"), LEFT_OUT) == {"changed": False, "failed": False, "checks": [check("met"), LEFT_OUT]}


@pytest.mark.parametrize("outcome", ["missed", "unknown"])
def test_what_is_missed_or_unknown_fails_and_is_named(outcome: str) -> None:
    result = said(LEFT_OUT, check(outcome))
    assert result["failed"]
    assert result["checks"] == [LEFT_OUT, check(outcome)]
    assert result["msg"] == f"the old one is refused: {outcome}: it says so. HINT: try again"


def test_nothing_at_all_is_no_proof() -> None:
    assert said()["msg"] == "nothing was checked. HINT: try again"
