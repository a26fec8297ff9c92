"""What all tests share: one Ansible, and that long ones are left out, unless DRILLBOOK_ALL_TESTS=1 asks for them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from drills import checkout

if TYPE_CHECKING:
    import pytest


def pytest_configure() -> None:
    """Use the Ansible that is installed beside this Python, as `drillbook` does, whatever the caller's PATH."""
    checkout.use_own_ansible()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests out, and say how many they are."""
    if os.environ.get("DRILLBOOK_ALL_TESTS") == "1":
        return
    if left_out := [item for item in items if item.get_closest_marker("long")]:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
