"""The worked examples of inventories hold what the roles and the drills need, and protect production."""

from __future__ import annotations

import ipaddress
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ("staging", "production")
# The S3 and ACME servers for tests, where everybody else has real ones: their roles, and their groups of hosts.
ONLY_LAB = ("object_store", "acme_server")
DOCUMENTATION = [ipaddress.ip_network(network) for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
PLAYBOOKS = sorted(path for path in (ROOT / "playbooks").glob("*.yml") if not path.name.endswith(".meta.yml"))


def variables(inventory: str) -> dict[str, Any]:
    """What the inventory says of all its hosts."""
    found: dict[str, Any] = {}
    for path in sorted((ROOT / "inventories" / inventory / "group_vars").rglob("*.yml")):
        if path.name != "checkout.yml":
            found |= yaml.safe_load(path.read_text())
    return found


def for_roles(inventory: str) -> set[str]:
    prefixes = tuple(f"{role.name}_" for role in (ROOT / "roles").iterdir() if role.name not in ONLY_LAB)
    return {name for name in variables(inventory) if name.startswith(prefixes)} - {"bookings_url", "bookings_tls_url"}


@cache
def listing(inventory: str) -> dict[str, Any]:
    program = Path(sys.executable).with_name("ansible-inventory")
    command = [str(program), "-i", f"inventories/{inventory}", "--list"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("inventory", EXAMPLES)
def test_an_example_says_what_the_lab_says_to_roles(inventory: str) -> None:
    assert len(for_roles("lab")) >= 10
    assert for_roles(inventory) == for_roles("lab")


@pytest.mark.parametrize("inventory", EXAMPLES)
def test_an_example_says_what_the_lab_says_to_drills(inventory: str) -> None:
    needed = {"environment_name", "environment_is_production", "drills_allowed", "drill_objectives"}
    assert needed <= variables("lab").keys()
    assert needed | {"bookings_url", "bookings_tls_url", "ssh_known_hosts_file"} <= variables(inventory).keys()
    assert variables(inventory)["environment_name"] == inventory
    assert variables(inventory)["drill_objectives"].keys() == variables("lab")["drill_objectives"].keys()


@pytest.mark.parametrize("inventory", EXAMPLES)
def test_an_example_has_the_groups_of_the_lab(inventory: str) -> None:
    lab = yaml.safe_load((ROOT / "inventories" / "lab" / "hosts.yml").read_text())["all"]["children"]
    for group, entry in lab.items():
        if group in ONLY_LAB:
            continue
        found = listing(inventory)[group]
        assert len(found.get("hosts", [])) == len(entry.get("hosts", {})), group
        assert set(found.get("children", [])) == set(entry.get("children", {})), group


@pytest.mark.parametrize("inventory", EXAMPLES)
def test_the_hosts_of_an_example_belong_to_nobody(inventory: str) -> None:
    for name, facts in listing(inventory)["_meta"]["hostvars"].items():
        assert name.endswith(".example.com")
        assert any(ipaddress.ip_address(facts["ansible_host"]) in network for network in DOCUMENTATION), name


def test_production_is_production_and_is_not_drilled() -> None:
    said = variables("production")
    assert said["environment_is_production"] is True
    assert said["drills_allowed"] is False
    assert [name for name in ("lab", "staging") if variables(name)["environment_is_production"]] == []


@pytest.mark.parametrize("inventory", EXAMPLES)
def test_an_example_holds_no_secret(inventory: str) -> None:
    said = variables(inventory)
    secret = [
        name
        for name in for_roles(inventory)
        if re.search("_(password|secrets?|passphrase|signing_keys|bucket_key)$", name)
    ]
    assert len(secret) >= 7
    for name in secret:
        assert re.match(r"\{\{ \(?lookup\('secret', ", said[name]), name


@pytest.mark.parametrize("inventory", ["lab", *EXAMPLES])
def test_each_secret_that_is_looked_up_is_described(inventory: str) -> None:
    text = "".join(file.read_text() for file in (ROOT / "inventories" / inventory / "group_vars").rglob("*.yml"))
    looked_up = set(re.findall(r"lookup\('secret', '([^']+)'", text))
    assert looked_up
    assert looked_up - variables(inventory)["secret_kinds"].keys() == set()


@pytest.mark.parametrize("inventory", EXAMPLES)
def test_every_playbook_can_be_read_with_an_example(inventory: str) -> None:
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "-i", f"inventories/{inventory}", "--syntax-check", *map(str, PLAYBOOKS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
