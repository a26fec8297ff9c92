"""What is decided about rows that are to come back; the servers themselves are asked in molecule/backup."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from ansible.module_utils import postgresql_rows as rows
from ansible.module_utils.postgresql_table import RefusedError, Table, same_shape

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

SOLD = Table("shop.sold", None, {"id": "bigint", "seat": "integer"}, ["id"], [], [], [])
TAKEN = {"table": "shop.sold", "key": "7", "because": "seat_sold_once (seat) is taken by 99"}


@dataclass
class Played:
    """The missing rows of a table, of which some have their places taken and some do not come for no known reason."""

    missing: int = 5
    taken: int = 0
    hidden: int = 0
    inserted: list[str] = field(default_factory=list)
    table: Table = SOLD

    @property
    def seen(self) -> dict[str, Any]:
        return {"table": "shop.sold", "restored": 9, "live": 4, "missing": self.missing, "triggers": []}

    def bring_back(self) -> int:
        self.inserted.append(self.table.name)
        return self.missing - self.taken - self.hidden

    def still_missing(self) -> int:
        return self.taken + self.hidden

    def left(self) -> tuple[int, list[dict[str, str]]]:
        return self.taken, [TAKEN] * self.taken


def test_a_plan_tells_what_is_missing_and_what_cannot_come_back_and_inserts_nothing() -> None:
    lost = [Played(), Played(missing=3, taken=1)]
    told = rows.plan(lost)
    assert (told["missing"], told["taken"], told["brought_back"]) == (8, 1, 0)
    assert told["conflicts"] == [TAKEN]
    assert told["said"] == "shop.sold 7: seat_sold_once (seat) is taken by 99"
    assert told["told"][1].endswith("4 live, 3 missing, 1 of these cannot come back")
    assert not any(one.inserted for one in lost)


def test_nothing_missing_is_already_done() -> None:
    assert rows.plan([Played(missing=0)])["told"] == ["already done: nothing is missing"]


def test_a_taken_place_is_refused_unless_it_was_accepted() -> None:
    with pytest.raises(RefusedError, match=r"1 rows of shop\.sold cannot come back: shop\.sold 7: seat_sold_once"):
        rows.bring_back([Played(taken=1)], accept_conflicts=False)
    done = rows.bring_back([Played(taken=1)], accept_conflicts=True)
    assert (done["brought_back"], done["taken"], done["conflicts"]) == (4, 1, [TAKEN])


@pytest.mark.parametrize("accepted", [True, False])
def test_what_does_not_come_back_for_no_known_reason_is_never_accepted(accepted: bool) -> None:  # noqa: FBT001
    with pytest.raises(RefusedError, match="a trigger or an exclusion constraint keeps them out"):
        rows.bring_back([Played(hidden=1)], accept_conflicts=accepted)


def test_triggers_that_fire_are_told() -> None:
    told = rows.summed([{**Played().seen, "taken": 0, "conflicts": [], "brought_back": 0, "triggers": ["stamp"]}])
    assert told["told"][0].endswith("; these triggers fire: stamp")


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (replace(SOLD, key=["seat"]), r"was \(id\) and is \(seat\)"),
        (replace(SOLD, columns={"id": "bigint"}), "gone or of another type since: seat integer"),
        (replace(SOLD, columns={"id": "bigint", "seat": "text"}), "gone or of another type since: seat integer"),
    ],
)
def test_rows_that_do_not_fit_any_more_are_refused(now: Table, told: str) -> None:
    with pytest.raises(RefusedError, match=told):
        same_shape(SOLD, now)


def test_a_column_that_is_new_since_then_stands_in_no_way() -> None:
    same_shape(SOLD, replace(SOLD, columns={**SOLD.columns, "colour": "text"}))


class ServerError(Exception):
    """What a server says no with."""


@dataclass
class Server:
    """One end of a pipe: gives so many bytes, or takes them, and may fail in the middle."""

    gives: int = 0
    fails_after: int | None = None
    taken: int = 0

    def cursor(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def copy_expert(self, statement: str, file: BinaryIO) -> None:
        moved = 0
        while "STDOUT" in statement and moved < self.gives:
            self._check(moved)
            moved += file.write(b"x" * 1000)
        while "STDIN" in statement and (read := file.read(1000)):
            self.taken += len(read)
            self._check(self.taken)

    def _check(self, moved: int) -> None:
        if self.fails_after is not None and moved >= self.fails_after:
            raise ServerError("the server says no")


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[Server, Server], None]:
    def words(template: str, *_: object) -> object:
        return SimpleNamespace(as_string=lambda _: template)

    monkeypatch.setattr(rows, "text", words)
    monkeypatch.setattr(
        rows, "psycopg2", SimpleNamespace(Error=ServerError, OperationalError=ServerError), raising=False
    )
    return lambda giver, taker: rows.stream(giver, "q", taker, "t")


def test_more_rows_than_a_pipe_holds_pass_through_it(pipe: Callable[[Server, Server], None]) -> None:
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    taker = Server()
    pipe(Server(gives=1_000_000), taker)
    assert taker.taken == 1_000_000
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


@pytest.mark.parametrize(
    ("giver", "taker"), [(Server(1_000_000, fails_after=5000), Server()), (Server(1_000_000), Server(fails_after=5000))]
)
def test_either_end_may_fail_and_nobody_waits_for_ever(
    pipe: Callable[[Server, Server], None], giver: Server, taker: Server
) -> None:
    with pytest.raises(ServerError, match="says no"):
        pipe(giver, taker)


@pytest.mark.usefixtures("pipe")
def test_a_commit_without_an_answer_is_neither_done_nor_undone() -> None:
    def broken() -> None:
        raise ServerError("server closed the connection unexpectedly")

    with pytest.raises(rows.UncertainError, match="the rows may be back or not"):
        rows.commit(SimpleNamespace(commit=broken))


@dataclass
class Cluster:
    """A server that tells where its data is, of which cluster it is, and when it was started."""

    data: str = "/data/restored"
    cluster: str = "7"
    started: str = "10:00"


@pytest.fixture
def tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        rows,
        "ask",
        lambda one, _: [{"data_directory": one.data, "cluster": one.cluster, "started": one.started}],
    )


@pytest.mark.usefixtures("tells")
def test_a_copy_of_the_live_cluster_is_taken() -> None:
    rows.same_origin(Cluster(), Cluster("/data/main", started="09:00"), "/data/restored", 5433)


@pytest.mark.usefixtures("tells")
@pytest.mark.parametrize(
    ("copy", "told"),
    [
        (Cluster("/data/second"), "the server on port 5433 has the data /data/second and not /data/restored"),
        (Cluster(cluster="8"), "the server on port 5433 is of the cluster 8 and not 7"),
        (Cluster(started="09:00"), "the server on port 5433 is the live one itself"),
    ],
)
def test_another_server_than_the_one_that_was_meant_is_refused(copy: Cluster, told: str) -> None:
    with pytest.raises(rows.OtherServerError, match=told) as refused:
        rows.same_origin(copy, Cluster("/data/main", started="09:00"), "/data/restored", 5433)
    assert refused.value.hint


@pytest.mark.usefixtures("tells")
def test_the_servers_are_known_before_a_table_is_looked_at(
    load_module: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load_module("postgresql_rows")

    def connect(**where: object) -> object:
        found = Cluster("/data/second") if "host" not in where else Cluster("/data/main", started="09:00")
        return SimpleNamespace(**vars(found), close=lambda: None)

    monkeypatch.setattr(module, "connect", connect)
    monkeypatch.setattr(module, "Lost", lambda *_: pytest.fail("a table was looked at"))
    asked = {"port": 5433, "data": "/data/restored", "database": "shop", "tables": ["shop.sold"], "conditions": {}}
    live = {"host": "lb1", "host_port": 5432, "user": "shop", "password": "", "accept_conflicts": False}
    with pytest.raises(rows.OtherServerError, match="has the data /data/second"):
        module.undo({**asked, **live}, only_plan=True)


def test_a_condition_for_a_table_that_is_not_asked_for_is_refused(load_module: Callable[[str], ModuleType]) -> None:
    asked = {"tables": ["shop.sold"], "conditions": {"shop.seats": "true"}}
    with pytest.raises(RefusedError, match=r"a condition for shop\.seats"):
        load_module("postgresql_rows").undo(asked, only_plan=True)
