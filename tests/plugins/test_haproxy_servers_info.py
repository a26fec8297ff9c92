"""What HAProxy prints, as HAProxy 2.6 of the lab printed it (columns that are not read are left out)."""

from collections.abc import Callable
from types import ModuleType

import pytest

STATISTICS = """# pxname,svname,status,check_status,
customers,FRONTEND,OPEN,,
applications_ready,app1,UP,L7OK,
database,FRONTEND,OPEN,,
database,db1,UP 2/3,* L4TOUT,
database,db2,DOWN,L7STS,
database,db3,MAINT,,
database,BACKEND,UP,,
"""


@pytest.fixture
def servers(load_module: Callable[[str], ModuleType]) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = load_module("haproxy_servers_info").servers(STATISTICS, "database")
    return found


def test_only_the_servers_of_the_backend_are_told(servers: dict[str, dict[str, object]]) -> None:
    assert sorted(servers) == ["db1", "db2", "db3"]


def test_a_server_between_up_and_down_is_not_settled(servers: dict[str, dict[str, object]]) -> None:
    assert servers["db1"] == {"status": "UP", "check": "L4TOUT", "settled": False}


def test_a_standby_is_told_apart_from_a_silent_server(servers: dict[str, dict[str, object]]) -> None:
    assert servers["db2"] == {"status": "DOWN", "check": "L7STS", "settled": True}


def test_a_server_that_is_cut_off_is_in_maintenance(servers: dict[str, dict[str, object]]) -> None:
    assert servers["db3"]["status"] == "MAINT"
