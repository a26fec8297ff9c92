"""Rows are deleted from the live database. They come back from the moment before, and what was written since stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backup.tests.conftest import Backups

pytestmark = pytest.mark.long

RESTORED = 5433
SCHEMA = """
CREATE SCHEMA shop AUTHORIZATION bookings; SET ROLE bookings;
CREATE TABLE shop.events (id text PRIMARY KEY, opens timestamptz DEFAULT now());
CREATE TABLE shop.sold (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event text NOT NULL REFERENCES shop.events,
    seat int NOT NULL, state text NOT NULL DEFAULT 'sold', shown text GENERATED ALWAYS AS (event || seat) STORED);
CREATE UNIQUE INDEX seat_sold_once ON shop.sold (event, seat) WHERE state = 'sold';
INSERT INTO shop.events VALUES ('opening'), ('matinee');
INSERT INTO shop.sold (event, seat) SELECT 'opening', seat FROM generate_series(1, 50) AS seat;
INSERT INTO shop.sold (event, seat) SELECT 'matinee', seat FROM generate_series(1, 50) AS seat
"""
DELETE = """
WITH seats AS (DELETE FROM shop.sold WHERE event = 'matinee' OR seat <= 20 RETURNING 1) SELECT pg_current_xact_id()
"""
COUNT = "SELECT count(*) FROM shop.sold"
CONTENT = "SELECT md5(string_agg(s::text, ',' ORDER BY id)) FROM shop.sold AS s WHERE id <= 100"
# The first row that is sold after the deletion.
LATER = "101"


@pytest.fixture(scope="module")
def deleted(backups: Backups) -> Iterator[Backups]:
    """70 of 100 seats are deleted, with the event of most; one is sold afterwards. The moment before is restored.

    Nobody archives by hand: the restore itself has to reach a moment of seconds ago.
    """
    leader = backups.leader()
    backups.ask(leader, SCHEMA)
    transaction = backups.ask(leader, DELETE)
    backups.ask(leader, "DELETE FROM shop.events WHERE id = 'matinee'")
    backups.ask(leader, "INSERT INTO shop.sold (event, seat) VALUES ('opening', 99)")
    backups.restore(type="xid", target=transaction, exclusive=True)
    yield backups
    backups.drop()
    backups.ask(leader, "DROP SCHEMA shop CASCADE")


def asked(deleted: Backups, *tables: str, **more: object) -> dict[str, object]:
    return {
        "backup_restore_host": deleted.hosts.names["backup1"],
        "rows_restore_server": deleted.hosts.names[deleted.leader()],
        "rows_restore_database": "bookings",
        "rows_restore_tables": list(tables or ("shop.events", "shop.sold")),
        **{f"rows_restore_{name}": value for name, value in more.items()},
    }


def test_a_target_of_seconds_ago_is_reached(deleted: Backups) -> None:
    assert deleted.ask("backup1", COUNT, RESTORED) == "100"


def test_a_plan_changes_nothing(deleted: Backups) -> None:
    said = deleted.hosts.rehearse("playbooks/rows_restore.yml", **asked(deleted))
    assert "shop.sold: 100 rows in the restored cluster, 31 live, 70 missing, 0 of these cannot come back" in said
    assert deleted.ask(deleted.leader(), COUNT) == "31"


@pytest.mark.parametrize(
    ("tables", "more", "told"),
    [
        (["shop.sold"], {}, "HINT: name the table that they refer to as well, before this one"),
        (["shop.events", "shop.seats"], {}, "there is no table shop.seats; nothing was changed"),
        (["shop.sold"], {"conditions": {"shop.events": "true"}}, "a condition for shop.events"),
        (["shop.sold"], {"database": "books"}, "the inventory does not know the database books"),
        (["shop.sold"], {"server": "nobody.invalid"}, "nothing was changed. HINT: see whether nobody.invalid"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_comes_back(
    deleted: Backups, tables: list[str], more: dict[str, object], told: str
) -> None:
    assert told in deleted.hosts.refusal("playbooks/rows_restore.yml", **asked(deleted, *tables, **more))
    assert deleted.ask(deleted.leader(), COUNT) == "31"


def test_another_cluster_than_the_one_that_was_named_is_refused(deleted: Backups) -> None:
    said = deleted.hosts.refusal("playbooks/rows_restore.yml", **asked(deleted), backup_restore_cluster="second")
    place = "/var/lib/postgresql/15"
    told = f"the server on port {RESTORED} has the data {place}/restored and not {place}/second"
    assert f"{told}; nothing was changed. HINT: " in said
    assert deleted.ask(deleted.leader(), COUNT) == "31"


def test_a_seat_that_was_sold_again_is_named_and_nothing_comes_back(deleted: Backups) -> None:
    deleted.ask(deleted.leader(), "INSERT INTO shop.sold (event, seat) VALUES ('opening', 7)")
    said = deleted.hosts.refusal("playbooks/rows_restore.yml", **asked(deleted))
    assert "1 of 71 rows cannot come back: shop.sold 7: seat_sold_once (event, seat) is taken by 102; nothing" in said
    assert deleted.ask(deleted.leader(), COUNT) == "32"


def test_a_condition_narrows_what_comes_back(deleted: Backups) -> None:
    conditions = {"shop.sold": "event = 'opening' AND seat <= 5"}
    deleted.hosts.play("playbooks/rows_restore.yml", **asked(deleted, "shop.sold", conditions=conditions))
    assert deleted.ask(deleted.leader(), COUNT) == "37"


def test_the_others_come_back_if_that_is_accepted_and_who_has_the_seat_keeps_it(deleted: Backups) -> None:
    accepted = asked(deleted, accept_conflicts=True)
    deleted.hosts.play("playbooks/rows_restore.yml", **accepted)
    assert deleted.ask(deleted.leader(), COUNT) == "101"
    assert deleted.ask(deleted.leader(), "SELECT id FROM shop.sold WHERE event = 'opening' AND seat = 7") == "102"
    assert deleted.hosts.play("playbooks/rows_restore.yml", **accepted) == 0


def test_once_the_seat_is_free_every_row_is_as_it_was_and_later_ones_stay(deleted: Backups) -> None:
    leader = deleted.leader()
    deleted.ask(leader, "UPDATE shop.sold SET state = 'given back' WHERE id = 102")
    deleted.hosts.play("playbooks/rows_restore.yml", **asked(deleted))
    assert deleted.ask(leader, CONTENT) == deleted.ask("backup1", CONTENT, RESTORED)
    assert deleted.ask(leader, "SELECT id FROM shop.sold WHERE event = 'opening' AND seat = 99") == LATER


def test_a_second_run_says_that_it_is_done(deleted: Backups) -> None:
    assert "already done: nothing is missing" in deleted.hosts.rehearse("playbooks/rows_restore.yml", **asked(deleted))
    assert deleted.hosts.play("playbooks/rows_restore.yml", **asked(deleted)) == 0


def test_a_sequence_that_began_anew_is_not_behind(deleted: Backups) -> None:
    leader = deleted.leader()
    deleted.ask(leader, "TRUNCATE shop.sold RESTART IDENTITY")
    deleted.hosts.play("playbooks/rows_restore.yml", **asked(deleted))
    assert deleted.ask(leader, "INSERT INTO shop.sold (event, seat) VALUES ('opening', 98) RETURNING id") == LATER


def test_what_a_trigger_would_change_does_not_come_back(deleted: Backups) -> None:
    leader = deleted.leader()
    body = "BEGIN NEW.opens := now(); RETURN NEW; END"
    deleted.ask(leader, f"CREATE FUNCTION shop.stamp() RETURNS trigger LANGUAGE plpgsql AS '{body}'")
    deleted.ask(leader, "CREATE TRIGGER stamp BEFORE INSERT ON shop.events FOR EACH ROW EXECUTE FUNCTION shop.stamp()")
    deleted.ask(leader, "DELETE FROM shop.sold; DELETE FROM shop.events WHERE id = 'matinee'")
    said = deleted.hosts.refusal("playbooks/rows_restore.yml", **asked(deleted))
    assert "1 rows of shop.events would not be what they were; its triggers are stamp; nothing was changed" in said
    assert deleted.ask(leader, COUNT) == "0"


def test_rows_and_the_password_are_left_nowhere_else(deleted: Backups) -> None:
    host = deleted.hosts["backup1"]
    assert host.run("grep -rlE 'only-for-this-scenario' /var/log /tmp /var/tmp /root/.ansible").stdout == ""
    left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'rows_%'"
    assert deleted.ask("backup1", left, RESTORED) == "0"
    assert deleted.ask(deleted.leader(), left) == "0"
