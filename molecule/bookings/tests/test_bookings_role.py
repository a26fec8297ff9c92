"""Releases of the service as systemd runs them, in two colours beside each other: brought, started, tried, left."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testinfra.host import Host

    from conftest import Hosts

DATABASE = "postgresql@15-main"
FOLDER = "/opt/bookings"
STORE = "/var/lib/release-store"
PORTS = {"blue": 8001, "green": 8002}
NOWHERE = f"sha256:{'0' * 64}"


@pytest.fixture(scope="session")
def releases() -> dict[str, str]:
    """The digest of each release, by its name."""
    text = (Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "releases" / "digests.json").read_text()
    return dict(json.loads(text))


def hexadecimal(digest: str) -> str:
    return digest.removeprefix("sha256:")


def get(host: Host, path: str, colour: str = "blue") -> int:
    """The status of the answer; 0 for none."""
    url = f"http://127.0.0.1:{PORTS[colour]}{path}"
    return int(host.run(f"curl --silent --output /dev/null --write-out '%{{http_code}}' --max-time 3 {url}").stdout)


def version(host: Host, colour: str) -> dict[str, Any]:
    answer = host.check_output(f"curl --silent --fail http://127.0.0.1:{PORTS[colour]}/version")
    return dict(json.loads(answer))


def process(host: Host, colour: str) -> str:
    return str(host.check_output(f"systemctl show --property=MainPID --value bookings@{colour}"))


def refusal(hosts: Hosts, verb: str, **variables: object) -> str:
    """What a verb says when it fails, as it must."""
    with pytest.raises(AssertionError) as refused:
        hosts.follow(verb, **variables)
    return " ".join(str(refused.value).split())


def traces(host: Host, digest: str) -> list[str]:
    """What there is of a release on the host."""
    return [str(path) for path in host.check_output(f"find {FOLDER} -name '*{hexadecimal(digest)}*'").split()]


@pytest.fixture
def green(hosts: Hosts, releases: dict[str, str]) -> Iterator[dict[str, str]]:
    """Release 1.1.0 runs on green, until the test ends; what start and gate are given."""
    asked = {"bookings_colour": "green", "bookings_release_digest": releases["1.1.0"]}
    for verb in ("fetch", "migrate", "start"):
        hosts.follow(verb, **asked)
    yield asked
    hosts.follow("stop", **asked)


def test_it_is_ready_and_says_its_release_and_its_colour(host: Host, releases: dict[str, str]) -> None:
    assert get(host, "/readyz") == 200
    said = version(host, "blue")
    assert (said["release"], said["digest"], said["colour"]) == ("1.0.0", releases["1.0.0"], "blue")


def test_without_its_database_it_is_alive_and_not_ready_and_it_recovers(
    host: Host, eventually: Callable[..., None]
) -> None:
    host.check_output(f"systemctl stop {DATABASE}")
    eventually(lambda: get(host, "/readyz"), 503)
    assert get(host, "/healthz") == 200
    host.check_output(f"systemctl start {DATABASE}")
    eventually(lambda: get(host, "/readyz"), 200)


def test_when_it_is_stopped_it_drains_first_and_ends_by_itself(host: Host, eventually: Callable[..., None]) -> None:
    host.check_output("systemctl stop --no-block bookings@blue")
    eventually(lambda: get(host, "/readyz"), 503, within=2)
    assert get(host, "/healthz") == 200, "it left before the balancer could have seen that it is not ready"
    eventually(lambda: host.service("bookings@blue").is_running, False)
    assert host.check_output("systemctl show --property=Result --value bookings@blue") == "success"
    host.check_output("systemctl start bookings@blue")
    eventually(lambda: get(host, "/readyz"), 200)


def test_it_starts_with_the_host(host: Host) -> None:
    assert host.service("bookings@blue").is_enabled


def test_a_newer_release_is_tried_beside_the_one_that_serves(
    host: Host, hosts: Hosts, green: dict[str, str], releases: dict[str, str]
) -> None:
    before = process(host, "blue")
    hosts.follow("gate", **green)
    assert version(host, "green")["digest"] == releases["1.1.0"]
    assert version(host, "blue")["digest"] == releases["1.0.0"]
    assert process(host, "blue") == before
    assert get(host, "/readyz", "blue") == 200
    works = {"verb_leaves": "{{ __bookings_schema.state }}", "verb_expected": "works"}
    hosts.follow("schema", bookings_release_digest=releases["1.0.0"], **works)


def test_a_colour_that_runs_the_release_is_left_alone(host: Host, hosts: Hosts, green: dict[str, str]) -> None:
    before = process(host, "green")
    assert hosts.follow("start", **green) == 0
    assert process(host, "green") == before


@pytest.mark.long
def test_a_colour_whose_link_an_interrupted_run_changed_is_restarted(
    host: Host, hosts: Hosts, green: dict[str, str], releases: dict[str, str]
) -> None:
    host.check_output(f"ln -sfn releases/{hexadecimal(releases['1.0.0'])} {FOLDER}/green")
    hosts.follow("start", bookings_colour="green", bookings_release_digest=releases["1.0.0"])
    assert version(host, "green")["digest"] == releases["1.0.0"]
    hosts.follow("start", **green)
    assert version(host, "green")["digest"] == releases["1.1.0"]


@pytest.mark.long
def test_a_stopped_colour_stays_stopped_and_keeps_its_release(
    host: Host, hosts: Hosts, green: dict[str, str], releases: dict[str, str]
) -> None:
    assert hosts.follow("stop", **green) == 1
    assert hosts.follow("stop", **green) == 0
    assert get(host, "/healthz", "green") == 0
    assert not host.service("bookings@green").is_enabled
    assert host.file(f"{FOLDER}/green").linked_to == f"{FOLDER}/releases/{hexadecimal(releases['1.1.0'])}"


@pytest.mark.long
def test_settings_that_an_interrupted_run_wrote_are_taken_up_by_what_runs_alone(
    host: Host, hosts: Hosts, eventually: Callable[..., None]
) -> None:
    before = process(host, "blue")
    host.check_output("touch /etc/bookings/blue.env /etc/bookings/green.env")
    hosts.follow("main")
    assert process(host, "blue") != before
    assert not host.service("bookings@green").is_running
    assert hosts.follow("main") == 0
    eventually(lambda: get(host, "/readyz"), 200)


def test_a_release_that_is_here_is_fetched_without_the_store(
    host: Host, hosts: Hosts, releases: dict[str, str]
) -> None:
    host.check_output("systemctl stop nginx")
    assert hosts.follow("fetch", bookings_release_digest=releases["1.0.0"]) == 0
    unreachable = refusal(hosts, "fetch", bookings_release_digest=NOWHERE)
    host.check_output("systemctl start nginx")
    assert "could not" in unreachable
    assert "HINT: curl --head" in unreachable


def test_a_release_that_the_store_does_not_have_is_said_to_be_missing(host: Host, hosts: Hosts) -> None:
    said = refusal(hosts, "fetch", bookings_release_digest=NOWHERE)
    assert all(word in said for word in (NOWHERE, "http://127.0.0.1:8080", "the store does not have it", "HINT"))
    assert traces(host, NOWHERE) == []


@pytest.mark.parametrize("digest", ["", "1.0.0", f"sha256:{'0' * 63}", f"sha256:{'g' * 64}"])
def test_a_release_is_named_by_a_digest_and_by_nothing_else(hosts: Hosts, digest: str) -> None:
    assert "HINT" in refusal(hosts, "fetch", bookings_release_digest=digest)


def test_a_tampered_artifact_leaves_no_trace_and_the_message_says_both_digests(
    host: Host, hosts: Hosts, releases: dict[str, str]
) -> None:
    artifact = f"{STORE}/{hexadecimal(releases['crash'])}.tar.gz"
    host.check_output(f"cp {artifact} /root/kept && printf x >> {artifact}")
    came = host.check_output(f"sha256sum {artifact}").split()[0]
    said = refusal(hosts, "fetch", bookings_release_digest=releases["crash"])
    host.check_output(f"mv /root/kept {artifact}")
    assert all(word in said for word in (releases["crash"], f"sha256:{came}", "http://127.0.0.1:8080", "HINT"))
    assert traces(host, releases["crash"]) == []


def test_a_release_that_never_gets_ready_is_refused_and_disturbs_nobody(
    host: Host, hosts: Hosts, releases: dict[str, str]
) -> None:
    asked = {"bookings_colour": "green", "bookings_release_digest": releases["crash"]}
    hosts.follow("fetch", **asked)
    try:
        hosts.follow("start", **asked)
        said = refusal(hosts, "gate", **asked)
    except AssertionError as error:
        said = str(error)
    hosts.follow("stop", **asked)
    assert "not ready" in said
    assert "times" in said
    assert get(host, "/readyz", "blue") == 200


@pytest.mark.long
def test_what_an_interrupted_fetch_left_is_never_taken_for_a_release(
    host: Host, hosts: Hosts, releases: dict[str, str]
) -> None:
    name = hexadecimal(releases["1.1.0"])
    host.check_output(f"rm -rf {FOLDER}/releases/{name}")
    host.check_output(
        f"mkdir -p {FOLDER}/releases/.{name}/bookings && echo half > {FOLDER}/releases/.{name}/bookings/x"
    )
    host.check_output(f"echo half > {FOLDER}/artifacts/{name}.tar.gz")
    hosts.follow("fetch", bookings_release_digest=releases["1.1.0"])
    assert sorted(host.check_output(f"ls -a {FOLDER}/releases/{name}").split()) == [
        ".",
        "..",
        "bookings",
        "release.json",
    ]
    assert not host.file(f"{FOLDER}/releases/{name}/bookings/x").exists
    assert not host.file(f"{FOLDER}/releases/.{name}").exists


def test_prune_keeps_what_runs_what_would_start_what_it_is_told_and_the_newest(
    host: Host, hosts: Hosts, releases: dict[str, str]
) -> None:
    first, second = (hexadecimal(releases[name]) for name in ("1.0.0", "1.1.0"))
    told, newest, old = ("a" * 64, "b" * 64, "c" * 64)
    host.check_output(f"ln -sfn releases/{second} {FOLDER}/green && ln -sfn releases/{second} {FOLDER}/blue")
    for age, name in enumerate((newest, told, old, f".{old}")):
        made = f"{FOLDER}/releases/{name} {FOLDER}/artifacts/{name}.tar.gz"
        host.check_output(f"mkdir -p {made} && touch -d '{age - 9} minutes' {made}")
    host.check_output(f"touch -d '-1 day' {FOLDER}/releases/{first} {FOLDER}/releases/{second}")
    host.check_output(f"touch {FOLDER}/releases/{newest} {FOLDER}/releases/.{old}/half")
    asked = {"bookings_keep_digests": [f"sha256:{told}"], "bookings_releases_kept": 1}
    assert hosts.follow("prune", **asked) == 1
    kept = {first, second, told, newest}
    assert set(host.check_output(f"ls -A {FOLDER}/releases").split()) == kept
    assert set(host.check_output(f"ls -A {FOLDER}/artifacts").split()) == {f"{name}.tar.gz" for name in kept}
    assert hosts.follow("prune", **asked) == 0
    host.check_output(f"ln -sfn releases/{first} {FOLDER}/blue")
    assert version(host, "blue")["digest"] == releases["1.0.0"]
