"""What the manifest of a backup says of transactions, and whose rows are counted for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

PLAYBOOK = Path(__file__).resolve().parents[2] / "playbooks" / "backup.yml"


class Server:
    """A server whose position moves on with each question."""

    def __init__(self, port: int) -> None:
        self.port, self.asked = port, list[str]()

    def open(self) -> Server:
        return self

    def close(self) -> None:
        self.asked.append("closed")


class Ended(Exception):  # noqa: N818  # it is no error
    """The module has returned."""


def test_the_next_transaction_is_asked_for_when_the_rows_were_counted(
    load_module: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load_module("postgresql_manifest_info")
    server, returned = Server(5432), dict[str, Any]()

    class Module:
        def __init__(self, *_: object, **__: object) -> None:
            self.params = {"port": 5432, "databases": ["bookings"], "rules": []}

        def exit_json(self, **found: Any) -> None:  # noqa: ANN401  # whatever the module returns
            returned.update(found)
            raise Ended

    def take(found: Server, *_: object) -> dict[str, Any]:
        found.asked.append("counted")
        return {"lsn": "0/5"}

    def ask(found: Server, question: str) -> list[dict[str, Any]]:
        found.asked.append(question)
        return [{"xid": "4294967300"}]

    parts = {"AnsibleModule": Module, "IMPORT_ERROR": None, "Server": lambda _: server, "take": take, "ask": ask}
    for name, part in parts.items():
        monkeypatch.setattr(module, name, part)
    with pytest.raises(Ended):
        module.main()
    assert returned["manifest"] == {"lsn": "0/5", "next_xid": 4294967300}
    assert [server.asked[0], server.asked[-1]] == ["counted", "closed"]
    assert "pg_snapshot_xmax" in server.asked[1]


def worked_out(task_name: str, variable: str, **known: object) -> Any:  # noqa: ANN401  # whatever the expression gives
    """What a variable of a task of the playbook is, or one that the task sets."""
    tasks = [task for play in yaml.safe_load(PLAYBOOK.read_text()) for task in play["tasks"]]
    task = next(task for task in tasks if task["name"].startswith(task_name))
    own = {name: trust_as_template(value) for name, value in task.get("vars", {}).items()}
    sets = {name: trust_as_template(value) for name, value in task.get("ansible.builtin.set_fact", {}).items()}
    templar = Templar(loader=DataLoader(), variables={**own, **known})
    return templar.template({**own, **sets}[variable])


def seen(name: str, state: str, receiving_from: str = "") -> dict[str, Any]:
    return {"__postgresql_member": {"name": name, "state": state, "receiving_from": receiving_from}}


@pytest.mark.parametrize(
    ("others", "chosen"),
    [
        ([seen("db2", "standby", "db1"), seen("db3", "standby", "db1")], "db3"),
        ([seen("db2", "standby", "db1"), seen("db3", "standby")], "db2"),
        ([seen("db2", "standby", "db1"), seen("db3", "standby", "db9")], "db2"),
        ([seen("db2", "standby"), seen("db3", "silent", "db1")], "db1"),
        ([{}, {}], "db1"),
    ],
)
def test_rows_are_counted_on_a_standby_that_follows_the_primary(others: list[dict[str, Any]], chosen: str) -> None:
    hosts = dict(zip(("db1", "db2", "db3"), [seen("db1", "primary"), *others], strict=True))
    found = worked_out("Choose whose rows", "backup_manifest_member", groups={"database": list(hosts)}, hostvars=hosts)
    assert found == chosen


@pytest.mark.parametrize(
    ("problems", "early"),
    [
        (["the target 0/4 lies before the end of backup two, 0/5", "too little disk"], 1),
        (["the target 0/6 is not reached: the newest WAL there is none", "too little disk"], 0),
    ],
)
def test_only_rows_that_were_counted_too_early_end_the_backup(problems: list[str], early: int) -> None:
    looked = {"results": [{"plan": {"problems": problems}}, {"plan": {"problems": []}}]}
    assert len(worked_out("Check that rows were counted", "backup_early", backup_ends=looked)) == early
