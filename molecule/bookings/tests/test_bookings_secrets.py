"""Secrets are placed on a host and taken by what runs there, which is proved; what is not taken is told by its id."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testinfra.host import Host

    from conftest import Hosts

SECRETS = "/etc/bookings/secrets"
PORTS = {"blue": 8001, "green": 8002}


def process(host: Host, colour: str) -> str:
    return str(host.check_output(f"systemctl show --property=MainPID --value bookings@{colour}"))


def refusal(hosts: Hosts, verb: str, **variables: object) -> str:
    """What a verb says when it fails, as it must."""
    with pytest.raises(AssertionError) as refused:
        hosts.follow(verb, **variables)
    return " ".join(str(refused.value).split())


def keys_in_use(host: Host, colour: str) -> set[str]:
    """What each key in use is for, and its id."""
    metrics = host.check_output(f"curl --silent --fail http://127.0.0.1:{PORTS[colour]}/metrics")
    found = re.findall(r'^bookings_key_in_use\{id="(.*)",kind="(.*)"\} 1', metrics, re.MULTILINE)
    return {f"{kind} {identity}" for identity, kind in found}


@pytest.fixture(scope="session")
def signing_key() -> Callable[[str], dict[str, str]]:
    folder = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "keys"

    def read(kid: str) -> dict[str, str]:
        pems = {part: (folder / f"{kid}.{end}").read_text() for part, end in (("private", "pem"), ("public", "pub"))}
        return {"kid": kid, "private_pem": pems["private"], "public_pem": pems["public"]}

    return read


@pytest.fixture
def green(hosts: Hosts) -> Iterator[dict[str, str]]:
    """The release runs on green as well, until the test ends; what start and gate are given."""
    folder = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "releases"
    digest = json.loads((folder / "digests.json").read_text())["1.0.0"]
    asked = {"bookings_colour": "green", "bookings_release_digest": digest}
    hosts.follow("start", **asked)
    yield asked
    hosts.follow("stop", **asked)


def test_secrets_are_for_nobody_else_and_in_files_alone(host: Host) -> None:
    for name in ("database", "signing_keys", "webhook"):
        secrets = host.file(f"{SECRETS}/{name}.json")
        assert (secrets.user, secrets.group, secrets.mode) == ("root", "bookings", 0o640)
    assert host.file(SECRETS).mode == 0o750
    assert "only-for-this-scenario" not in host.check_output("systemctl show bookings@blue")
    assert not host.file("/etc/bookings/blue.env").contains("only-for-this-scenario")
    pid = process(host, "blue")
    told = host.check_output(f"cat /proc/{pid}/environ /proc/{pid}/cmdline | tr '\\0' ' '")
    assert "LOGNAME=bookings" in told, "the environment was not read"
    assert "-m bookings" in told, "the arguments were not read"
    assert "only-for-this-scenario" not in told


def test_secrets_are_taken_by_what_runs_without_a_restart(
    host: Host, hosts: Hosts, green: dict[str, str], signing_key: Callable[[str], dict[str, str]]
) -> None:
    before = [process(host, colour) for colour in PORTS]
    keys = {"current": "key-2", "keys": [signing_key("key-2"), signing_key("key-1")]}
    webhook = [{"id": "webhook-2", "secret": "new"}, {"id": "webhook-1", "secret": "only-for-this-scenario"}]
    changed = {"bookings_signing_keys": keys, "bookings_webhook_secrets": webhook}
    assert hosts.follow("place_secrets", **changed) == 1
    for colour in PORTS:
        used = keys_in_use(host, colour)
        assert {"signing key-2", "verifying key-1", "verifying key-2", "webhook webhook-1", "webhook webhook-2"} < used
    hosts.follow("gate", bookings_webhook_secrets=webhook, **green)
    assert hosts.follow("place_secrets", **changed) == 0
    assert hosts.follow("place_secrets") == 1
    assert keys_in_use(host, "blue") == {"database bookings", "signing key-1", "verifying key-1", "webhook webhook-1"}
    assert [process(host, colour) for colour in PORTS] == before


def test_the_payment_provider_is_told_the_secret_to_sign_with_and_nobody_else_is(hosts: Hosts, tmp_path: Path) -> None:
    told = tmp_path / "provider.json"
    assert hosts.follow("place_secrets", bookings_payment_provider_file=str(told)) == 1
    assert json.loads(told.read_text()) == {"id": "webhook-1", "secret": "only-for-this-scenario"}
    assert told.stat().st_mode & 0o777 == 0o600


def test_credentials_that_the_database_refuses_are_told_and_customers_notice_nothing(host: Host, hosts: Hosts) -> None:
    wrong = {"bookings_database_password": "canary-of-this-test"}
    said = refusal(hosts, "place_secrets", bookings_secrets_within_seconds=2, **wrong)
    assert "has not taken database.json as it is now" in said
    assert "retire none of them. HINT: journalctl" in said
    assert "canary-of-this-test" not in said
    assert "canary-of-this-test" not in host.check_output("journalctl --unit bookings@blue --no-pager")
    assert host.run("curl --silent --fail http://127.0.0.1:8001/readyz").rc == 0
    hosts.follow("place_secrets")


def test_an_instance_that_uses_another_key_than_its_file_is_told(host: Host, hosts: Hosts) -> None:
    host.check_output(
        f"cp --preserve {SECRETS}/webhook.json /root/webhook.json && echo broken > {SECRETS}/webhook.json"
    )
    assert "is not what the service reads" in refusal(hosts, "prove_secrets", bookings_secrets_within_seconds=2)
    host.check_output(f"mv /root/webhook.json {SECRETS}/webhook.json")
    assert hosts.follow("prove_secrets") == 0
