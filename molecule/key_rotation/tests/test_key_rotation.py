"""Keys change while the service runs: exactly the intended ones open something, also after a run that was cut off."""

from __future__ import annotations

import itertools
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest
from key_rotation.doors import Doors
from key_rotation.tests.conftest import SECRETS_OF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from key_rotation.tests.conftest import Changed, Rotation, Run

    from conftest import Hosts

KINDS = {kind: name for kind, name in SECRETS_OF.items() if kind != "backup_passphrase"}
# The run is cut off when one of these begins; the others and every other task are left to the long tests.
CUTS = [
    ("webhook_secret", "Use from now on the new version"),
    ("database_password", "Take its password"),
    ("automation_key", "Lock the former key out"),
]
LONG_CUTS = [
    ("webhook_secret", "Wait until everybody"),
    ("webhook_secret", "Forget the former"),
    ("signing_key", "Use from now on the new version"),
    ("signing_key", "Wait until the last token"),
    ("signing_key", "Forget the former"),
    ("database_password", "Use from now on the new version"),
    ("database_password", "Forget the former"),
    ("automation_key", "Use from now on the new version"),
    ("automation_key", "Forget the former"),
]
ALL_CUTS = [*CUTS, *(pytest.param(*cut, marks=pytest.mark.long) for cut in LONG_CUTS)]


@pytest.fixture(scope="session")
def doors(hosts: Hosts) -> Doors:
    return Doors(hosts)


@pytest.fixture
def exactly_one_opens(rotation: Rotation, doors: Doors) -> Callable[[str], None]:
    """Fails unless the current key of a kind opens its doors and no other that was ever seen does."""

    def look(kind: str) -> None:
        versions = rotation.versions(KINDS[kind])
        assert set(versions) == {"current"}, "the store still has another version"
        assert doors.opened(kind, rotation.seen[KINDS[kind]]) == {versions["current"].id}

    return look


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_key_takes_over_and_the_former_one_is_dead(
    kind: str, changed: Changed, exactly_one_opens: Callable[[str], None]
) -> None:
    assert changed.after[KINDS[kind]].id != changed.before[KINDS[kind]].id
    exactly_one_opens(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_tried_is_said_check_by_check(kind: str, changed: Changed) -> None:
    pattern = rf"check: '?{kind}: ([\w ]+)'? outcome: (met|missed|unknown|not checked)"
    said = re.findall(pattern, changed.run.line)
    assert ("the current one is accepted", "met") in said
    assert ("the previous one is refused", "met") in said
    assert not {outcome for _, outcome in said} - {"met", "not checked"}


@pytest.mark.parametrize("kind", KINDS)
def test_no_value_is_written_or_told(kind: str, changed: Changed, hosts: Hosts, rotation: Rotation) -> None:
    written = changed.run.text
    written += "".join(hosts[short].check_output("journalctl --boot --no-pager") for short in hosts.names)
    written += hosts["db1"].check_output("cat /var/log/postgresql/*.log")
    assert [name for name, value in rotation.seen[KINDS[kind]].items() if tell_tale(value) in written] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_leaked_key_is_revoked_at_once_and_whom_it_hurts_is_said(
    kind: str, revoked: Changed, exactly_one_opens: Callable[[str], None]
) -> None:
    assert f"{kind}: " in revoked.run.text.partition("Say whom it hurts")[2]
    assert not re.search(r"Pausing for \d+ seconds", revoked.run.text), "somebody was given time to change over"
    assert revoked.after[KINDS[kind]].id != revoked.before[KINDS[kind]].id
    exactly_one_opens(kind)


@pytest.mark.parametrize(("kind", "step"), ALL_CUTS)
def test_a_run_that_was_cut_off_is_finished_by_the_next_one(
    kind: str, step: str, rotation: Rotation, doors: Doors, exactly_one_opens: Callable[[str], None]
) -> None:
    rotation.versions(KINDS[kind])
    cut = rotation.run(kind, until=lambda _, task: step in task)
    assert cut.code == -9, f"no task is called {step}:\n{cut.text}"
    current = rotation.versions(KINDS[kind])["current"]
    assert doors.opened(kind, {current.id: current.value}), "the key in use opens nothing after the cut"
    rotation.finish(kind)
    exactly_one_opens(kind)


@pytest.mark.long
@pytest.mark.parametrize("leaked", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_between_any_two_tasks(
    kind: str, *, leaked: bool, rotation: Rotation, exactly_one_opens: Callable[[str], None]
) -> None:
    for number in itertools.count():
        rotation.versions(KINDS[kind])
        cut = rotation.run(kind, until=partial(is_number, number), key_rotation_leaked=leaked)
        if cut.code == 0:
            assert number > 10, "hardly any task was cut off"
            break
        rotation.versions(KINDS[kind])
        rotation.finish(kind, key_rotation_leaked=leaked)
        exactly_one_opens(kind)


@pytest.mark.long
@pytest.mark.parametrize("late_s", [0, 6])
@pytest.mark.parametrize("kind", KINDS)
def test_two_who_follow_it_at_once_do_not_lock_anybody_out(
    kind: str, late_s: int, rotation: Rotation, doors: Doors, exactly_one_opens: Callable[[str], None]
) -> None:
    before = rotation.versions(KINDS[kind])["current"]

    def follow(late_s: int) -> Run:
        time.sleep(late_s)
        return rotation.run(kind)

    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(follow, (0, late_s)))
    current = rotation.versions(KINDS[kind])["current"]
    assert current.id != before.id, [run.text for run in runs]
    assert doors.opened(kind, {current.id: current.value}), [run.text for run in runs]
    assert 0 in {run.code for run in runs}, [run.text for run in runs]
    rotation.finish(kind)
    exactly_one_opens(kind)


@pytest.mark.long
def test_a_rotation_that_leaks_in_its_middle_leaves_neither_of_the_two(
    rotation: Rotation, exactly_one_opens: Callable[[str], None]
) -> None:
    rotation.run("webhook_secret", until=lambda _, task: "Forget the former" in task)
    known = {one.id for one in rotation.versions(KINDS["webhook_secret"]).values()}
    rotation.finish("webhook_secret", key_rotation_leaked=True)
    assert rotation.versions(KINDS["webhook_secret"])["current"].id not in known
    exactly_one_opens("webhook_secret")


@pytest.mark.long
def test_tokens_are_good_until_the_overlap_ends_and_new_ones_are_signed_with_the_new_key(
    rotation: Rotation, doors: Doors
) -> None:
    token = doors.token()
    rotation.run("signing_key", until=lambda _, task: "Wait until the last token" in task)
    assert doors.knows(token)
    assert doors.knows(doors.token())
    rotation.finish("signing_key")
    assert not doors.knows(token)
    assert doors.knows(doors.token())


@pytest.mark.long
def test_a_leaked_signing_key_makes_nobody_known(rotation: Rotation, doors: Doors) -> None:
    token = doors.token()
    rotation.finish("signing_key", key_rotation_leaked=True)
    assert not doors.knows(token)


@pytest.mark.long
def test_a_login_that_somebody_else_still_uses_is_not_shut_out(
    rotation: Rotation, doors: Doors, exactly_one_opens: Callable[[str], None]
) -> None:
    """A program that nobody told of the new login holds a session of the former one."""
    with doors.signed_in(rotation.versions(KINDS["database_password"])["current"].value):
        said = rotation.run("database_password", key_database_patience_seconds=2)
        assert said.code != 0
        assert "forgotten; it was not shut out. HINT" in said.line
    rotation.finish("database_password")
    exactly_one_opens("database_password")


@pytest.mark.long
def test_a_leaked_login_is_thrown_out(rotation: Rotation, doors: Doors) -> None:
    with doors.signed_in(rotation.versions(KINDS["database_password"])["current"].value) as thief:
        rotation.finish("database_password", key_rotation_leaked=True)
        assert "terminating connection" in thief.communicate(timeout=30)[0]


def test_a_host_that_is_not_reached_is_noted_and_finished_later(
    hosts: Hosts, rotation: Rotation, doors: Doors, exactly_one_opens: Callable[[str], None]
) -> None:
    former = rotation.versions(KINDS["automation_key"])["current"]
    hosts["backup1"].check_output("systemctl stop ssh.service")
    try:
        said = rotation.run("automation_key")
        assert said.code != 0
        assert f"not proved dead on {hosts.names['backup1']}; still accepted on none of them" in said.line
        versions = rotation.versions(KINDS["automation_key"])
        assert versions["previous"].id == former.id, "the only key that opens the lost host was forgotten"
        assert doors.opens("app1", versions["current"].value)
        assert not doors.opens("app1", former.value)
        again = rotation.run("automation_key", key_rotation_leaked=True)
        assert "another change would lock out" in again.line
    finally:
        hosts["backup1"].check_output("systemctl start ssh.service")
    assert doors.opens("backup1", former.value)
    rotation.finish("automation_key")
    exactly_one_opens("automation_key")


def test_a_host_that_answers_cannot_be_left_out(
    hosts: Hosts, rotation: Rotation, exactly_one_opens: Callable[[str], None]
) -> None:
    """It would know the former key alone, which nobody would have any more."""
    present = rotation.versions(KINDS["automation_key"])["current"].id
    said = rotation.run("automation_key", "--limit", hosts.names["app1"])
    assert " answers and is left out, so it would go on with the former key; nothing was changed" in said.line
    assert rotation.versions(KINDS["automation_key"])["current"].id == present
    exactly_one_opens("automation_key")


@pytest.mark.long
def test_a_leaked_secret_is_revoked_while_a_host_is_down(
    hosts: Hosts, rotation: Rotation, exactly_one_opens: Callable[[str], None]
) -> None:
    with silent(hosts, "backup1"):
        others = ["-v", "--limit", f"all:!{hosts.names['backup1']}"]
        said = rotation.run("webhook_secret", *others, until=None, key_rotation_leaked=True)
    assert said.code == 0, said.text
    assert f"check: 'webhook_secret: {hosts.names['backup1']}' outcome: not checked" in said.line
    exactly_one_opens("webhook_secret")


@pytest.mark.long
def test_a_host_that_fails_in_the_second_of_two_changes_is_left(
    hosts: Hosts, rotation: Rotation, doors: Doors, exactly_one_opens: Callable[[str], None]
) -> None:
    """It was finished with the first one, and still takes the key that the second one is to forget."""
    cut = rotation.run("automation_key", until=lambda _, task: "Forget the former" in task)
    assert cut.code == -9, cut.text

    def forbid(_: int, task: str) -> bool:
        if "Add an automation key" in task:
            hosts["backup1"].check_output("mv /etc/sudoers.d/ops /root/sudoers_of_ops")
        return False

    try:
        said = rotation.run("automation_key", until=forbid, key_rotation_leaked=True)
    finally:
        hosts["backup1"].check_output("mv /root/sudoers_of_ops /etc/sudoers.d/ops")
    assert said.code != 0
    assert f"not proved dead on {hosts.names['backup1']}; " in said.line
    versions = rotation.versions(KINDS["automation_key"])
    assert "previous" in versions, "a key was forgotten that still opens a host"
    assert doors.opens("backup1", versions["previous"].value)
    rotation.finish("automation_key")
    exactly_one_opens("automation_key")


@pytest.mark.long
@pytest.mark.parametrize("leaked", [False, True])
def test_a_login_whose_password_was_changed_by_hand_is_not_shut_out(
    *, leaked: bool, rotation: Rotation, doors: Doors, exactly_one_opens: Callable[[str], None]
) -> None:
    """Somebody has put another password into the store, and left the former one there; the user is the same."""
    name = KINDS["database_password"]
    login = json.loads(rotation.versions(name)["current"].value)
    rotation.store.add(name, json.dumps({**login, "password": "SetByHandIntoTheStoreOfSecrets01"}))
    rotation.store.promote(name)
    cut = rotation.run(
        "database_password",
        until=lambda _, task: "Forget the former" in task,
        key_rotation_leaked=leaked,
        key_database_patience_seconds=2,
    )
    assert cut.code == -9, cut.text
    current = rotation.versions(name)["current"]
    assert doors.opened("database_password", {current.id: current.value}), "the login in use was shut out"
    rotation.finish("database_password", key_rotation_leaked=leaked)
    exactly_one_opens("database_password")


@pytest.mark.long
def test_a_restored_primary_lets_in_the_login_in_use_and_not_the_former_one(
    hosts: Hosts, rotation: Rotation, exactly_one_opens: Callable[[str], None]
) -> None:
    """A restore brings logins back as they were at its moment."""
    name = KINDS["database_password"]
    former = json.loads(rotation.versions(name)["current"].value)
    rotation.finish("database_password")
    current = json.loads(rotation.versions(name)["current"].value)
    restored = (
        f"ALTER ROLE {former['user']} LOGIN PASSWORD '{former['password']}'; ALTER ROLE {current['user']} NOLOGIN"
    )
    quiet = "PGOPTIONS='-c log_statement=none -c log_min_duration_statement=-1'"
    hosts["db1"].check_output(f'{quiet} runuser -u postgres -- psql --command "{restored}"')
    serve = {"verb": "serve", "verb_role": "postgresql", "verb_hosts": hosts.names["db1"]}
    served = rotation.follow("molecule/verb.yml", until=None, **serve)
    assert served.code == 0, served.text
    exactly_one_opens("database_password")


def test_a_key_that_the_store_does_not_know_is_not_written_over(rotation: Rotation) -> None:
    """Somebody has put the only key that opens the hosts into the file by hand."""
    present = rotation.key.read_text()
    rotation.key.write_text("the only key there is\n")
    try:
        said = rotation.run("automation_key")
        assert "is none that the store has as automation/ssh_key, and it would be lost" in said.line
        assert rotation.key.read_text() == "the only key there is\n"
    finally:
        rotation.key.write_text(present)


@pytest.mark.long
def test_a_key_that_a_host_does_not_take_locks_nobody_out(
    hosts: Hosts, rotation: Rotation, doors: Doors, exactly_one_opens: Callable[[str], None]
) -> None:
    """The new key goes to a file that sshd does not read."""
    present = rotation.versions(KINDS["automation_key"])["current"]
    said = rotation.run("automation_key", key_automation_path="/etc/ssh/authorized_keys.d/nobody")
    assert "refuses the new automation key although it was added" in said.line
    assert all(doors.opens(short, present.value) for short in hosts.names)
    assert rotation.versions(KINDS["automation_key"])["current"].id == present.id
    rotation.finish("automation_key")
    exactly_one_opens("automation_key")


@pytest.mark.long
def test_a_service_that_does_not_take_the_new_secret_keeps_the_former_one_good(
    hosts: Hosts, rotation: Rotation, doors: Doors, exactly_one_opens: Callable[[str], None]
) -> None:
    """The service is stopped as if it hung: nothing can be proved, so nothing is retired."""
    present = rotation.versions(KINDS["webhook_secret"])["current"]
    hosts["app1"].check_output("systemctl kill --signal=STOP bookings@blue")
    said = rotation.run("webhook_secret")
    hosts["app1"].check_output("systemctl kill --signal=CONT bookings@blue")
    assert said.code != 0
    assert rotation.versions(KINDS["webhook_secret"])["current"].id == present.id
    assert doors.webhook_secret(present.id, present.value)
    rotation.finish("webhook_secret")
    exactly_one_opens("webhook_secret")


@contextmanager
def silent(hosts: Hosts, short: str) -> Iterator[None]:
    """A host that does not answer: nobody listens, and connections that are kept open are ended as well."""
    hosts[short].check_output("systemctl stop ssh.service")
    hosts[short].run("pkill --full '^sshd: ops'")
    try:
        yield
    finally:
        hosts[short].check_output("systemctl start ssh.service")


def is_number(wanted: int, number: int, _: str) -> bool:
    return number == wanted


def tell_tale(value: str) -> str:
    """What would be found of a value in a log: a password, or a line from the middle of a private key."""
    if value.startswith("{"):
        return value.split('"')[7]
    lines = value.splitlines()
    return lines[len(lines) // 2]
