"""What HAProxy prints, as HAProxy 2.6 of the lab printed it (columns that are not read are left out)."""

from collections.abc import Callable
from types import ModuleType

import pytest

STATISTICS = """# pxname,svname,scur,status,check_status,
customers,FRONTEND,4,OPEN,,
blue_ready,app1,3,UP,L7OK,
blue_ready,app2,1,DRAIN,L7OK,
database,FRONTEND,9,OPEN,,
database,db1,9,UP 2/3,* L4TOUT,
database,db2,0,DOWN,L7STS,
database,db3,0,MAINT,,
database,BACKEND,9,UP,,
"""
STATES = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight
3 blue_ready 1 app1 10.1.2.21 2 0 1 1 16 15 3 2 6 0 0 0 app1 8001 - 0 0 - - 0
3 blue_ready 2 app2 10.1.2.22 2 8 1 1 16 15 3 2 6 0 0 0 app2 8001 - 0 0 - - 0
7 database 1 db1 10.1.2.31 2 0 1 1 17 15 3 3 6 0 0 0 db1 5432 - 0 0 - - 0
7 database 2 db2 10.1.2.32 0 0 1 1 17 15 3 3 6 0 0 0 db2 5432 - 0 0 - - 0
7 database 3 db3 10.1.2.33 0 1 1 1 17 15 3 3 6 0 0 0 db3 5432 - 0 0 - - 0
"""

Servers = dict[str, dict[str, object]]


@pytest.fixture
def of(load_module: Callable[[str], ModuleType]) -> Callable[[str], Servers]:
    module = load_module("haproxy_servers_info")
    return lambda backend: dict(module.servers(STATISTICS, STATES, backend))


def test_only_the_servers_of_the_backend_are_told(of: Callable[[str], Servers]) -> None:
    assert sorted(of("database")) == ["db1", "db2", "db3"]


def test_a_server_between_up_and_down_is_not_settled(of: Callable[[str], Servers]) -> None:
    db1 = {"status": "UP", "check": "L4TOUT", "settled": False, "wanted": "ready", "sessions": 9}
    assert of("database")["db1"] == db1


def test_a_standby_is_told_apart_from_a_silent_server(of: Callable[[str], Servers]) -> None:
    db2 = {"status": "DOWN", "check": "L7STS", "settled": True, "wanted": "ready", "sessions": 0}
    assert of("database")["db2"] == db2


def test_a_server_that_is_cut_off_is_in_maintenance(of: Callable[[str], Servers]) -> None:
    assert (of("database")["db3"]["status"], of("database")["db3"]["wanted"]) == ("MAINT", "maint")


def test_a_drained_server_still_has_sessions(of: Callable[[str], Servers]) -> None:
    assert (of("blue_ready")["app2"]["wanted"], of("blue_ready")["app2"]["sessions"]) == ("drain", 1)
