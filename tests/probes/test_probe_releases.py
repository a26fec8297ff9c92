"""Which release customers get, and whether a release is on the hosts."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drills.connection import Answer, UnreachableError
from drills.errors import UsageError
from drills.probes import View, release_absent, serves_release
from drills.probes.releases import live_release
from drills.site import Host, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD, NEW = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"


@pytest.fixture
def answers() -> list[str]:
    """What `GET /version` answers, one after the other; the last one for good."""
    return [f'{{"release": "1.0.0", "digest": "{OLD}"}}']


@pytest.fixture
def site(answers: list[str]) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (answers.pop(0) if len(answers) > 1 else answers[0]).encode()
            self.send_response(200 if body else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    variables = {
        "bookings_url": f"http://127.0.0.1:{server.server_address[1]}",
        "drill_releases": {"1.0.0": OLD, "1.1.0": NEW, "odd": "1.2.0"},
    }
    hosts = {name: Host(name) for name in ("app1", "app2")}
    yield Site(Path("inventories/lab"), hosts, {"application": tuple(hosts)}, variables)
    server.shutdown()
    server.server_close()


def serves(site: Site, release: str) -> bool:
    return serves_release(release).look(View(site, lambda: None)).ok


@pytest.mark.parametrize(("release", "yes"), [(OLD, True), ("1.0.0", True), (NEW, False), ("1.1.0", False)])
def test_it_is_known_by_name_and_by_digest(site: Site, release: str, *, yes: bool) -> None:
    assert serves(site, release) is yes


@pytest.mark.parametrize("release", ["2.0.0", "odd", "<release 1.0.0>"])
def test_what_is_no_release_is_not_served(site: Site, release: str) -> None:
    assert not serves(site, release)


def test_one_answer_of_another_release_is_a_no(site: Site, answers: list[str]) -> None:
    answers[:] = [*answers * 5, f'{{"digest": "{NEW}"}}', *answers]
    assert not serves(site, OLD)


@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"digest": null}', '{"digest": "1.0.0"}'])
def test_an_answer_that_names_no_release_is_a_no(site: Site, answers: list[str], body: str) -> None:
    answers[:] = [body]
    assert not serves(site, OLD)
    with pytest.raises(UsageError, match="the live release is not known"):
        live_release(site)


def test_the_live_release_is_the_one_that_customers_get(site: Site) -> None:
    assert live_release(site) == OLD


def test_a_site_knows_its_releases_and_facts(site: Site) -> None:
    assert site.release("1.1.0") == NEW
    with pytest.raises(UsageError) as unknown:
        site.release("2.0.0")
    assert "1.0.0, 1.1.0" in unknown.value.hint
    with pytest.raises(UsageError, match="'odd'"):
        site.release("odd")
    site.facts["live_release"] = lambda: NEW
    assert site.fact("live_release") == NEW
    with pytest.raises(UsageError, match="moon_phase"):
        site.fact("moon_phase")


@dataclass
class Wire:
    """SSH of a host, as the test says."""

    answer: Answer | Exception

    def run(self, command: str, *, timeout: float) -> Answer:
        assert timeout > 0
        assert f"/opt/bookings/releases/{'1' * 64} /opt/bookings/artifacts/{'1' * 64}.tar.gz" in command
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("second", "absent"),
    [
        (Answer(0, "", ""), True),
        (Answer(0, f"/opt/bookings/releases/{'1' * 64}\n", ""), False),
        (Answer(1, "", "sudo: a password is required"), False),
        (UnreachableError("no route"), False),
    ],
)
def test_a_release_is_absent_only_where_every_host_said_so(
    site: Site, second: Answer | Exception, *, absent: bool
) -> None:
    site.hosts["app1"].__dict__["ssh"] = Wire(Answer(0, "", ""))
    site.hosts["app2"].__dict__["ssh"] = Wire(second)
    reading = release_absent(NEW).look(View(site, lambda: None))
    assert reading.ok is absent
    assert absent or "app2" in reading.because


def test_what_is_no_digest_is_not_known_to_be_absent(site: Site) -> None:
    assert not release_absent("<release 1.1.0>").look(View(site, lambda: None)).ok
