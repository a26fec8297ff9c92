"""An instance that uses exactly the keys of its files passes; any other difference is told, by ids alone."""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from ansible.module_utils.bookings_keys import Key, Keys, difference, keys_in_files, keys_in_use

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

CONTENTS: dict[str, Any] = {
    "database.json": {"user": "bookings_a", "password": "hush"},
    "signing_keys.json": {"current": "k2", "keys": [{"kid": "k1"}, {"kid": "k2", "private_pem": "hush"}]},
    "webhook.json": {"accepted": [{"id": "w1", "secret": "hush"}]},
}
MADE = dict.fromkeys(CONTENTS, 1000.25)
METRICS = """\
# TYPE bookings_key_in_use gauge
bookings_key_in_use{id="bookings_a",kind="database"} 1.0
bookings_key_in_use{id="k2",kind="signing"} 1.0
bookings_key_in_use{id="k1",kind="verifying"} 1.0
bookings_key_in_use{id="k2",kind="verifying"} 1.0
bookings_key_in_use{id="w1",kind="webhook"} 1.0
bookings_key_used_total{id="w0",kind="webhook"} 7.0
bookings_secret_file_seconds{file="database.json"} 1.00025e+03
bookings_secret_file_seconds{file="signing_keys.json"} 1000.25
bookings_secret_file_seconds{file="webhook.json"} 1000.25
"""


def wanted(**changes: object) -> Keys:
    return keys_in_files({name: json.dumps({**CONTENTS, **changes}[name]) for name in CONTENTS}, MADE)


def test_an_instance_that_uses_exactly_the_keys_of_its_files_is_as_wanted() -> None:
    assert difference(wanted(), keys_in_use(METRICS)) == ""
    assert wanted().told() == ["database bookings_a", "signing k2", "verifying k1", "verifying k2", "webhook w1"]


@pytest.mark.parametrize(
    ("line", "other", "told"),
    [
        (
            "bookings_a",
            "bookings_b",
            "uses database bookings_b, which it must not any more, does not use database bookings_a",
        ),
        ('"k2",kind="signing"', '"k1",kind="signing"', "uses signing k1"),
        ('bookings_key_in_use{id="k1",kind="verifying"} 1.0\n', "", "does not use verifying k1 yet"),
        ('"w1",kind="webhook"} 1.0', '"w1",kind="webhook"} 0.0', "does not use webhook w1 yet"),
        ("1.00025e+03", "999.25", "has not taken database.json as it is now"),
        ('bookings_secret_file_seconds{file="webhook.json"} 1000.25\n', "", "has not taken webhook.json as it is now"),
    ],
)
def test_any_difference_is_told(line: str, other: str, told: str) -> None:
    assert METRICS.count(line) == 1
    assert told in difference(wanted(), keys_in_use(METRICS.replace(line, other)))


def test_an_old_user_that_still_has_a_connection_is_told() -> None:
    both = METRICS + 'bookings_key_in_use{id="bookings_b",kind="database"} 1.0\n'
    assert difference(wanted(), keys_in_use(both)) == "uses database bookings_b, which it must not any more"


@pytest.mark.parametrize("content", ["hush", "{}", "[]", '{"user": "a"}'])
def test_a_file_that_the_service_would_not_read_is_named_without_what_is_in_it(content: str) -> None:
    contents = {name: json.dumps(one) for name, one in CONTENTS.items()} | {"signing_keys.json": content}
    with pytest.raises(ValueError, match=r"signing_keys\.json, webhook\.json is not what the service reads") as refused:
        keys_in_files(contents, MADE)
    assert "hush" not in str(refused.value)


@pytest.fixture
def info(load_module: Callable[[str], ModuleType]) -> ModuleType:
    return load_module("bookings_keys_info")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_text(json.dumps(content))
        os.utime(tmp_path / name, (1000.25, 1000.25))
    return tmp_path


@contextmanager
def telling(*texts: str) -> Iterator[str]:
    """An instance whose metrics are these texts in turn, and the last one from then on."""
    left = list(texts)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write((left.pop(0) if len(left) > 1 else left[0]).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_all_instances_are_waited_for(info: ModuleType, folder: Path) -> None:
    with telling(METRICS) as quick, telling("", METRICS) as slow:
        used, took = info.await_all(str(folder), [quick, slow], within=10.0, timeout=2.0)
    assert used.keys == wanted().keys
    assert took > 0


def test_one_that_takes_nothing_or_does_not_answer_is_told(info: ModuleType, folder: Path) -> None:
    with telling(METRICS) as right, telling(METRICS.replace("w1", "w0")) as wrong:
        with pytest.raises(info.NotTakenError) as refused:
            info.await_all(str(folder), [right, wrong], within=0.1, timeout=2.0)
        assert f"{wrong} uses webhook w0, which it must not any more" in str(refused.value)
        assert right not in str(refused.value)
        assert "hush" not in str(refused.value)
    with pytest.raises(info.NotTakenError, match="does not tell its metrics"):
        info.await_all(str(folder), [wrong], within=0.1, timeout=2.0)


def test_a_missing_file_is_named(info: ModuleType, folder: Path) -> None:
    (folder / "webhook.json").unlink()
    with pytest.raises(info.NotTakenError, match=r"webhook\.json: No such file"):
        info.await_all(str(folder), ["http://127.0.0.1:9"], within=0.1, timeout=2.0)


def test_a_key_is_told_by_what_it_is_for_and_its_id() -> None:
    assert str(Key("webhook", "w1")) == "webhook w1"
