"""Secrets are replaced while requests go on; the new ones work, the old ones are dead, and nobody restarts anything."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jwt
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bookings.conftest import Instance, Postgres, Program

IN_USE = re.compile("^bookings_(key_in_use|secret_file_seconds){", re.MULTILINE)
OTHER = "another secret of the tests"


def claims(**changes: object) -> dict[str, Any]:
    now = int(time.time())
    return {"iss": "bookings", "sub": "eve", "iat": now, "exp": now + 60, **changes}


def forge(key: dict[str, str], kid: str | None = None, **changes: object) -> str:
    """What somebody with the private key would make."""
    return jwt.encode(claims(**changes), key["private_pem"], algorithm="EdDSA", headers={"kid": kid or key["kid"]})


@contextmanager
def customers(service: Instance) -> Iterator[list[int]]:
    """Four who book all the time; the statuses that they got."""
    event, over, got = uuid.uuid4().hex, threading.Event(), list[int]()
    assert service.open_event(event, 100_000).status == 201

    def book(first: int) -> None:
        for seat in range(first, 100_000, 4):
            if over.is_set():
                return
            got.append(service.book(event, seat, key=uuid.uuid4().hex).status)

    threads = [threading.Thread(target=book, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield got
    finally:
        over.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def second_user(postgres: Postgres) -> Iterator[str]:
    """A role that can do what the first one can, and its password."""
    with postgres.connect() as connection:
        connection.execute("CREATE ROLE bookings_b LOGIN PASSWORD 'b' IN ROLE bookings")
        connection.execute("ALTER ROLE bookings_b SET role = bookings")
        yield "bookings_b"
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bookings_b'")
        connection.execute("DROP ROLE bookings_b")


def test_who_is_signed_in_books_for_himself(service: Instance, event: str) -> None:
    authorization = f"Bearer {service.sign_in('ann')}"
    wish = {"event": event, "seat": 1}
    booked = service.call("POST", "/v1/bookings", wish, Idempotency_Key="k-1", Authorization=authorization)
    assert booked.status == 201
    theirs = {**wish, "seat": 2, "customer": "bob"}
    other = service.call("POST", "/v1/bookings", theirs, Idempotency_Key="k-2", Authorization=authorization)
    assert (other.status, other.body["because"]) == (400, "customer is not the one who is signed in")
    assert service.book(event, 2, key="k-2", customer="bob").status == 201, "a guest says who he is, as ever"


def test_a_token_is_verified_with_the_published_keys_by_anybody(service: Instance) -> None:
    token = service.sign_in("ann")
    published = jwt.PyJWKSet.from_dict(service.call("GET", "/.well-known/jwks.json").body)
    key = {one.key_id: one for one in published.keys}[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key.key, algorithms=["EdDSA"], issuer="bookings")["sub"] == "ann"
    assert "d" not in service.call("GET", "/.well-known/jwks.json").body["keys"][0], "a private key was published"


def test_what_is_no_good_token_is_refused_and_nobody_becomes_a_guest_by_it(
    service: Instance, event: str, new_key: Callable[[str], dict[str, str]]
) -> None:
    good = service.secret("signing_keys.json")["keys"][0]
    now = int(time.time())
    bad = {
        "signed by somebody else": forge(new_key("key-1")),
        "of an unknown key": forge(new_key("key-9")),
        "expired": forge(good, exp=now - 60, iat=now - 120),
        "of another issuer": forge(good, iss="somebody"),
        "for ever": jwt.encode(
            {"iss": "bookings", "sub": "eve"}, good["private_pem"], algorithm="EdDSA", headers={"kid": "key-1"}
        ),
        "not signed": jwt.encode(claims(), "", algorithm="none", headers={"kid": "key-1"}),
        "signed with the public key as if it were a shared one": hs256(good["public_pem"]),
        "cut": service.sign_in("ann")[:-9],
        "empty": "",
        "not ASCII": "é.é.é",
    }
    assert {name: service.shows(token) for name, token in bad.items()} == dict.fromkeys(bad, 401)
    assert service.call("GET", "/v1/bookings?event=e", Authorization="Basic YTpi").status == 401
    wish = {"event": event, "seat": 1, "customer": "eve"}
    refused = service.call(
        "POST", "/v1/bookings", wish, Idempotency_Key="k", Authorization=f"Bearer {bad['not signed']}"
    )
    assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert service.bookings(event) == []
    assert service.call("GET", "/healthz", Authorization="Bearer x").status == 200, "whoever watches is no customer"


def hs256(public_pem: str) -> str:
    """The confusion of algorithms: PyJWT refuses to make it from a PEM, so it is made by hand."""

    def part(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    header = json.dumps({"alg": "HS256", "typ": "JWT", "kid": "key-1"}).encode()
    text = part(header) + b"." + part(json.dumps(claims()).encode())
    return (text + b"." + part(hmac.new(public_pem.encode(), text, hashlib.sha256).digest())).decode()


def test_a_signing_key_is_rotated_while_tokens_of_both_keys_work(
    service: Instance, new_key: Callable[[str], dict[str, str]]
) -> None:
    old, new = service.secret("signing_keys.json")["keys"][0], new_key("key-2")
    before = service.sign_in("ann")
    public = {name: new[name] for name in ("kid", "public_pem")}
    service.give("signing_keys.json", current="key-1", keys=[old, public])
    service.wait_until_it_uses("verifying", "key-1", "key-2")
    service.give("signing_keys.json", current="key-2", keys=[new, old])
    service.wait_until_it_uses("signing", "key-2")
    after = service.sign_in("ann")
    assert jwt.get_unverified_header(after)["kid"] == "key-2"
    assert (service.shows(before), service.shows(after)) == (200, 200)
    service.give("signing_keys.json", current="key-2", keys=[new])
    service.wait_until_it_uses("verifying", "key-2")
    assert (service.shows(before), service.shows(after)) == (401, 200)
    assert service.shows(forge(old)) == 401, "the retired key still lives"
    assert service.shows(forge(old, kid="key-2")) == 401
    assert 'bookings_key_used_total{id="key-2",kind="verifying"} 2.0' in service.call("GET", "/metrics").body


def test_a_webhook_secret_is_rotated_while_payments_of_both_work(service: Instance, event: str) -> None:
    booking = service.book(event, 1, key=uuid.uuid4().hex, hold_seconds=60).body["booking"]
    first = service.secret("webhook.json")["accepted"][0]
    assert service.pay(booking, secret=OTHER).status == 401
    second = {"id": "webhook-2", "secret": OTHER}
    service.give("webhook.json", accepted=[first, second])
    service.wait_until_it_uses("webhook", "webhook-1", "webhook-2")
    assert (service.pay(booking).status, service.pay(booking, secret=OTHER).status) == (200, 200)
    service.give("webhook.json", accepted=[second])
    service.wait_until_it_uses("webhook", "webhook-2")
    assert (service.pay(booking).status, service.pay(booking, secret=OTHER).status) == (401, 200)


def test_database_credentials_are_replaced_without_a_failed_request(
    service: Instance, second_user: str, postgres: Postgres
) -> None:
    with customers(service) as got:
        time.sleep(0.5)
        service.give("database.json", user=second_user, password="b")
        service.wait_until_it_uses("database", second_user)
        before = len(got)
        with postgres.connect() as connection:
            rows = connection.execute(
                "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'bookings'"
            )
            assert [name for (name,) in rows] == [second_user], "the metrics said that the old user is in no use"
            connection.execute("ALTER ROLE bookings NOLOGIN")
        try:
            time.sleep(0.5)
        finally:
            with postgres.connect() as connection:
                connection.execute("ALTER ROLE bookings LOGIN")
    assert set(got) == {201}
    assert len(got) > before > 0


def test_connections_that_nobody_uses_are_replaced_as_well(service: Instance, second_user: str) -> None:
    service.give("database.json", user=second_user, password="b")
    service.wait_until_it_uses("database", second_user)
    assert "bookings_pool_idle 4.0" in service.call("GET", "/metrics").body


@pytest.mark.usefixtures("no_schema")
def test_a_release_is_migrated_by_either_user(program: Program, second_user: str, postgres: Postgres) -> None:
    done = program.run(program.settings(secrets=str(program.secrets(second_user, "b"))), "migrate")
    assert (done.returncode, done.stdout) == (0, "applied 0001_bookings.sql\n")
    assert program.say("migrate") == ""
    with postgres.connect() as connection:
        rows = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'bookings'").fetchall()
    assert rows == [("bookings",)]


def test_credentials_that_do_not_work_replace_nothing(service: Instance, second_user: str) -> None:
    former = service.secret("database.json")
    with customers(service) as got:
        service.give("database.json", user=second_user, password="wrong")
        time.sleep(1.5)
        assert service.keys_in_use()["database"] == {"bookings"}
        service.give("database.json", user=second_user, password="b")
        service.wait_until_it_uses("database", second_user)
        service.give("database.json", **former)
        service.wait_until_it_uses("database", "bookings")
    assert set(got) == {201}


@pytest.mark.parametrize("name", ["database.json", "signing_keys.json", "webhook.json"])
@pytest.mark.parametrize("content", [b"hush", b"\xff", b"[]", b"{}", b'{"accepted": [{"id": "hush"}]}'])
def test_a_file_that_cannot_be_used_replaces_nothing_and_ends_no_start(
    service: Instance, program: Program, name: str, content: bytes
) -> None:
    before = [line for line in service.call("GET", "/metrics").body.splitlines() if IN_USE.match(line)]
    (service.secrets / name).write_bytes(content)
    time.sleep(0.7)
    assert [line for line in service.call("GET", "/metrics").body.splitlines() if IN_USE.match(line)] == before
    assert len(before) >= 4 + 3, "the keys, and when the files in use were made"
    assert service.call("GET", "/readyz").status == 200
    done = program.run(program.settings(secrets=str(service.secrets)), "serve")
    assert done.returncode == 78
    assert f"error: {service.secrets / name}: " in done.stderr
    assert "hush" not in done.stderr


def test_a_missing_file_is_named_at_the_start(program: Program) -> None:
    folder = program.secrets()
    (folder / "webhook.json").unlink()
    done = program.run(program.settings(secrets=str(folder)), "serve")
    assert (done.returncode, done.stderr) == (78, f"error: {folder}/webhook.json: No such file or directory\n")


def test_keys_that_do_not_belong_together_are_refused(
    program: Program, new_key: Callable[[str], dict[str, str]]
) -> None:
    folder = program.secrets()
    mixed = {**new_key("a"), "public_pem": new_key("b")["public_pem"]}
    for content, because in (
        ({"current": "a", "keys": [mixed]}, "do not belong together"),
        ({"current": "b", "keys": [new_key("a")]}, "current is 'b', which is none of its keys: a"),
        ({"current": "a", "keys": [new_key("a"), new_key("a")]}, "one kid twice"),
        ({"current": "a", "keys": [{"kid": "a", "public_pem": new_key("a")["public_pem"]}]}, "private_pem is missing"),
    ):
        (folder / "signing_keys.json").write_text(json.dumps(content))
        done = program.run(program.settings(secrets=str(folder)), "serve")
        assert done.returncode == 78
        assert because in done.stderr


def test_nothing_but_ids_is_told(service: Instance, second_user: str) -> None:
    service.sign_in("ann")
    service.give("database.json", user=second_user, password="b-very-secret")
    time.sleep(0.7)
    told = service.call("GET", "/metrics").body + str(service.call("GET", "/version").body)
    key = service.secret("signing_keys.json")["keys"][0]["private_pem"].splitlines()[1]
    for secret in (key, service.secret("webhook.json")["accepted"][0]["secret"], "b-very-secret"):
        assert secret not in told
