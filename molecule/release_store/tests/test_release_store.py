"""A store that serves what its names say, to anybody, and takes nothing over HTTP."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from testinfra.host import Host

    from conftest import Hosts

STORE = "http://127.0.0.1:8080"
FOLDER = "/var/lib/release-store"
OTHER = "/srv/other-store"
OTHER_URL = "http://127.0.0.1:9000"
MADE = b"an artifact of the tests"
DIGEST = hashlib.sha256(MADE).hexdigest()
ELSEWHERE = b"an artifact of another environment"
FAR = hashlib.sha256(ELSEWHERE).hexdigest()


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """An artifact on the controller, under the name that its build gave it."""
    path = tmp_path / f"{DIGEST}.tar.gz"
    path.write_bytes(MADE)
    return path


@pytest.fixture(scope="module", autouse=True)
def other_store(host: Host) -> None:
    """The store of another environment."""
    host.check_output(f"mkdir {OTHER} && printf '%s' '{ELSEWHERE.decode()}' > {OTHER}/{FAR}.tar.gz")
    host.check_output(f"systemd-run --unit=other-store python3 -m http.server 9000 --directory {OTHER}")


def status(host: Host, path: str, *options: str) -> int:
    command = ["curl --silent --output /dev/null --write-out '%{http_code}'", *options, f"{STORE}{path}"]
    return int(host.check_output(" ".join(command)))


def served(host: Host, digest: str) -> str:
    """The digest of what the store serves under a name."""
    return str(host.check_output(f"curl --fail --silent {STORE}/{digest}.tar.gz | sha256sum")).split()[0]


def test_a_published_artifact_is_served_under_its_digest_and_the_second_time_changes_nothing(
    host: Host, hosts: Hosts, artifact: Path
) -> None:
    leaves = {"verb_leaves": "{{ __release_store_published }}", "verb_expected": f"sha256:{DIGEST}"}
    assert hosts.follow("publish", release_store_artifact=str(artifact), **leaves) == 1
    assert served(host, DIGEST) == DIGEST
    assert hosts.follow("publish", release_store_artifact=str(artifact), **leaves) == 0


def test_a_damaged_artifact_is_not_published(host: Host, hosts: Hosts, artifact: Path) -> None:
    artifact.write_bytes(b"damaged on its way from the build")
    with pytest.raises(AssertionError, match="damaged"):
        hosts.follow("publish", release_store_artifact=str(artifact))
    assert host.check_output(f"ls {FOLDER}").split() == [f"{DIGEST}.tar.gz"]


@pytest.mark.parametrize(
    "path", ["/", "/..%2f..%2fetc/passwd", f"/.{DIGEST}.tar.gz", f"/{DIGEST}", f"/{'A' * 64}.json"]
)
def test_nothing_but_digests_is_served(host: Host, path: str) -> None:
    assert status(host, path) in {400, 404}


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_nothing_can_be_written_over_http(host: Host, method: str) -> None:
    assert status(host, f"/{DIGEST}.tar.gz", f"--request {method} --data x") == 403
    assert status(host, f"/{DIGEST}.tar.gz", "--head") == 200
    assert served(host, DIGEST) == DIGEST


def test_a_release_of_another_store_is_pulled_and_then_the_other_store_is_not_needed(host: Host, hosts: Hosts) -> None:
    pulled = {"release_store_from": OTHER_URL, "release_store_digest": f"sha256:{FAR}"}
    assert hosts.follow("pull", **pulled) == 1
    assert served(host, FAR) == FAR
    pulled["release_store_from"] = "http://127.0.0.1:9"
    assert hosts.follow("pull", **pulled) == 0


def test_a_tampered_release_is_not_pulled_and_the_message_says_both_digests(host: Host, hosts: Hosts) -> None:
    wanted = hashlib.sha256(b"what was meant").hexdigest()
    host.check_output(f"cp {OTHER}/{FAR}.tar.gz {OTHER}/{wanted}.tar.gz")
    with pytest.raises(AssertionError) as refused:
        hosts.follow("pull", release_store_from=OTHER_URL, release_store_digest=f"sha256:{wanted}")
    assert all(word in str(refused.value) for word in (wanted, f"sha256:{FAR} came", OTHER_URL, "HINT"))
    assert status(host, f"/{wanted}.tar.gz") == 404
    assert wanted not in host.check_output(f"ls -a {FOLDER}")


def test_a_release_that_the_other_store_does_not_have_is_said_to_be_missing(hosts: Hosts) -> None:
    with pytest.raises(AssertionError, match="does not have it"):
        hosts.follow("pull", release_store_from=OTHER_URL, release_store_digest=f"sha256:{'0' * 64}")


def test_what_an_environment_found_out_is_served_beside_the_release(host: Host, hosts: Hosts) -> None:
    found = {"environment": "molecule", "release": f"sha256:{DIGEST}", "seen": "100 requests, 0 errors"}
    hosts.follow("attest", release_store_digest=f"sha256:{DIGEST}", release_store_attestation=found)
    said = json.loads(host.check_output(f"curl --fail --silent {STORE}/{DIGEST}.json"))
    assert found.items() <= said.items()
    assert said["at"].endswith("Z")


def test_a_configuration_that_an_interrupted_run_left_is_taken_up(host: Host, hosts: Hosts) -> None:
    conf = "/etc/nginx/conf.d/release-store.conf"
    host.check_output(f"sed -i 's/8080/8081/' {conf} && systemctl reload nginx && sed -i 's/8081/8080/' {conf}")
    assert host.run(f"curl --silent {STORE}/").rc != 0
    assert hosts.follow("main") == 0
    assert served(host, DIGEST) == DIGEST


def test_it_starts_with_the_host(host: Host) -> None:
    assert host.service("nginx").is_enabled
