"""A trial of keys says what an instance does, and never takes silence for a no."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.key_trial import Check, Instance, Key, Trial, flaws, try_all
from ansible.module_utils.secret_value import new_value, public_part
from ansible.module_utils.testing import patch_module_args

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

OLD, NEW = (new_value("key", {"kind": "signing_key"}, None) for _ in range(2))
NOWHERE = "http://127.0.0.1:9"


@contextmanager
def service(
    *,
    webhook: tuple[str, ...] | None = (),
    keys: Mapping[str, str] | None = None,
    signer: str = "",
    **odd: Any,  # noqa: ANN401
) -> Iterator[str]:
    """A service that accepts these keys; `status` is its answer to everything, `listed` what it publishes.

    With webhook=None it takes every payment, whoever signed it.
    """
    accepted = dict(keys or {})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith(("/.well-known", "/healthz")):
                listed = odd.get("listed", list(accepted))
                self._say(200, {"keys": [{"kid": kid} for kid in listed]})
                return
            bearer = self.headers["authorization"].removeprefix("Bearer ")
            try:
                kid = jwt.get_unverified_header(bearer)["kid"]
                jwt.decode(bearer, public_part("key", accepted[kid]), algorithms=["EdDSA"], issuer="bookings")
            except (jwt.InvalidTokenError, KeyError):
                self._say(401, {})
            else:
                self._say(200, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/sign-in":
                token = jwt.encode({"sub": "x"}, accepted[signer], algorithm="EdDSA", headers={"kid": signer})
                self._say(200, {"token": token})
                return
            good = {f"sha256={hmac.new(one.encode(), body, hashlib.sha256).hexdigest()}" for one in webhook or ()}
            if webhook is None or self.headers["x-signature"] in good:
                self._say(404, odd.get("body", {"error": "unknown_booking"}))
            else:
                self._say(401, {"error": "bad_signature"})

        def _say(self, status: int, body: dict[str, Any]) -> None:
            text = json.dumps(body).encode()
            self.send_response(odd.get("status", status))
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def key(label: str, value: str, name: str = "") -> Key:
    return Key(label, name or label, value)


def tried(trial: Trial, *urls: str) -> list[Check]:
    return list(try_all(trial, [Instance(url, timeout=1) for url in urls]))


def outcomes(checks: list[Check]) -> dict[str, str]:
    return {one.check.partition(": ")[2]: one.outcome for one in checks}


HOOKS = Trial("webhook_secret", (key("current", "new"),), (key("previous", "old"),))
TOKENS = Trial("signing_key", (key("current", NEW, "2"),), (key("previous", OLD, "1"),))


def test_a_webhook_secret_that_is_accepted_and_one_that_is_not() -> None:
    with service(webhook=("new",)) as url:
        found = tried(HOOKS, url, NOWHERE)
        assert found[1] == Check(
            "webhook_secret: the previous one is refused",
            "met",
            f"{url}: it answers 401 to what is signed with previous",
        )
    assert outcomes(found) == {
        "the current one is accepted": "met",
        "the previous one is refused": "met",
        "the made-up one is refused": "met",
    }
    assert flaws(found) == ""


@pytest.mark.parametrize(
    ("webhook", "missed"),
    [
        (("old",), ["the current one is accepted", "the previous one is refused"]),
        (("new", "old"), ["the previous one is refused"]),
        ((), ["the current one is accepted"]),
        (None, ["the previous one is refused", "the made-up one is refused"]),
    ],
)
def test_a_webhook_secret_that_is_taken_otherwise(webhook: tuple[str, ...] | None, missed: list[str]) -> None:
    with service(webhook=webhook) as url:
        found = tried(HOOKS, url)
    assert [name for name, outcome in outcomes(found).items() if outcome == "missed"] == missed


def test_one_instance_of_two_that_still_accepts_the_old_one_is_named() -> None:
    with service(webhook=("new",)) as good, service(webhook=("new", "old")) as bad:
        said = flaws(tried(HOOKS, good, bad))
    assert said.startswith(f"webhook_secret: the previous one is refused: missed: {bad}: it answers 404")
    assert good not in said


def test_where_nothing_listens_nothing_is_proved() -> None:
    (only,) = tried(HOOKS, NOWHERE)
    assert (only.outcome, only.because) == ("unknown", f"nothing listens on {NOWHERE}, so nothing is proved")


@pytest.mark.parametrize("odd", [{"status": 503}, {"status": 404, "body": {}}])
def test_what_is_no_answer_to_a_signature_is_neither_a_yes_nor_a_no(odd: dict[str, Any]) -> None:
    """Also a service that does not know the address at all."""
    with service(webhook=None, **odd) as url:
        assert set(outcomes(tried(HOOKS, url)).values()) == {"unknown"}


def test_an_instance_that_is_silent_is_not_left_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found = try_all(HOOKS, [Instance(url, timeout=0.2)])
    assert {one.outcome for one in found} == {"unknown"}
    assert "it does not answer" in found[0].because


def test_tokens_of_two_keys_and_who_signs() -> None:
    both = Trial("signing_key", (key("current", NEW, "2"), key("previous", OLD, "1")))
    with service(keys={"1": OLD, "2": NEW}, signer="2") as url:
        assert flaws(tried(both, url)) == ""
    with service(keys={"2": NEW}, signer="2") as url:
        assert outcomes(tried(TOKENS, url)) == {
            "the current one is accepted": "met",
            "the previous one is refused": "met",
            "the made-up one is refused": "met",
            "the current one is published": "met",
            "the previous one is not published": "met",
            "the current one signs": "met",
        }


@pytest.mark.parametrize(
    ("keys", "signer", "odd", "missed"),
    [
        ({"1": OLD, "2": NEW}, "2", {}, ["the previous one is refused", "the previous one is not published"]),
        ({"2": NEW}, "2", {"listed": ["1", "2"]}, ["the previous one is not published"]),
        ({"2": NEW}, "2", {"listed": []}, ["the current one is published"]),
        ({"3": OLD, "2": NEW}, "3", {}, ["the current one signs"]),
        ({"2": OLD}, "2", {}, ["the current one is accepted"]),
    ],
)
def test_a_service_that_does_otherwise(
    keys: dict[str, str], signer: str, odd: dict[str, Any], missed: list[str]
) -> None:
    with service(keys=keys, signer=signer, **odd) as url:
        found = outcomes(tried(TOKENS, url))
    assert [name for name, outcome in found.items() if outcome != "met"] == missed


def test_no_message_holds_a_value() -> None:
    with service() as url:
        said = str(tried(Trial("webhook_secret", (key("current", "canary", "1"),)), url))
    assert "canary" not in said + repr(key("current", "canary", "1"))
    assert base64.b64encode(b"canary").decode() not in said


def test_the_hosts_log_is_told_nothing_of_the_keys(
    load_module: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(AnsibleModule, "log", lambda _self, message, **_: logged.append(str(message)))
    odd = "a 'secret' \"with\" \\ all that is escaped\n"
    keys = [{"label": "current", "id": "1", "value": OLD}, {"label": "previous", "id": "2", "value": odd}]
    asked = {"kind": "signing_key", "urls": [NOWHERE], "accepted": keys, "refused": [], "within": 0}
    with patch_module_args(asked), pytest.raises(SystemExit):
        load_module("key_trial").main()
    told = "".join(logged) + capsys.readouterr().out
    assert told
    for secret in (OLD.splitlines()[1], "a 'secret'", "all that is escaped"):
        assert secret not in told
