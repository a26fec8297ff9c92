"""The site under drill: the hosts of an inventory, their groups and variables, and who leads now."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from drills import checkout
from drills.connection import Connection
from drills.errors import UsageError
from drills.out_of_band import Adapter, adapter_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

RELEASES = "drill_releases"
DIGEST = re.compile("sha256:[0-9a-f]{64}")
_RENDER_DEPTH = 10


@dataclass(frozen=True)
class Host:
    """One machine of the site, with the ways to reach it."""

    name: str
    variables: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def ssh(self) -> Connection:
        """The one connection to this host; opened at its first use."""
        return Connection({"ansible_host": self.name, **self.variables})

    @cached_property
    def out_of_band(self) -> Adapter:
        """Power and console that need no network of the host.

        Raises:
            UsageError: The inventory names no adapter for it.
        """
        return adapter_for(self.name, self.variables)

    def __str__(self) -> str:
        return self.name


@dataclass
class Site:
    """The hosts of one inventory.

    `meanings` are the names that are resolved at the moment they are used, such as `db_primary`; `facts` are what
    is looked up at the moment it is needed, such as `live_release`. `event` is what the customers of a run book.
    """

    inventory: Path
    hosts: Mapping[str, Host]
    groups: Mapping[str, tuple[str, ...]]
    variables: Mapping[str, Any]
    meanings: dict[str, Callable[[], Host]] = field(default_factory=dict)
    facts: dict[str, Callable[[], str]] = field(default_factory=dict)
    event: str = ""

    @property
    def environment(self) -> str:
        """The name of this environment, as reports have it."""
        return str(self.variables.get("environment_name", self.inventory.name))

    @property
    def drills_allowed(self) -> bool:
        """Whether every host of the inventory says `drills_allowed: true`; nothing else counts as yes."""
        return bool(self.hosts) and all(host.variables.get("drills_allowed") is True for host in self.hosts.values())

    def __getitem__(self, name: str) -> Host:
        """The host of this meaning, or of this name.

        Raises:
            UsageError: There is no such host.
        """
        if name in self.meanings:
            return self.meanings[name]()
        if name in self.hosts:
            return self.hosts[name]
        raise UsageError(f"{self.inventory} has no host {name!r}", _closest(name, [*self.meanings, *self.hosts]))

    def group(self, name: str) -> tuple[Host, ...]:
        """Every host of a group, in the inventory's order.

        Raises:
            UsageError: The group is missing or empty.
        """
        if not self.groups.get(name):
            raise UsageError(
                f"the group {name!r} of {self.inventory} is missing or has no host",
                f"add hosts to it, or name another inventory with -i; it has {', '.join(sorted(self.groups))}",
            )
        return tuple(self.hosts[host] for host in self.groups[name])

    def fact(self, name: str) -> str:
        """What is so at this moment.

        Raises:
            UsageError: Nobody can look it up, or the look found nothing.
        """
        if name not in self.facts:
            raise UsageError(f"nobody can look up the fact {name!r} of {self.inventory}", _closest(name, [*self.facts]))
        return self.facts[name]()

    def release(self, name: str) -> str:
        """The digest of the release that the inventory's `drill_releases` has under this name.

        Raises:
            UsageError: There is no such release, or what stands there is no digest.
        """
        known = self.variables.get(RELEASES) or {}
        if name not in known:
            raise UsageError(
                f"{RELEASES} of {self.inventory} has no release {name!r}",
                f"there are: {', '.join(known)}" if known else f"set {RELEASES}: {{{name}: sha256:…}} for all hosts",
            )
        if not DIGEST.fullmatch(str(known[name])):
            raise UsageError(
                f"{RELEASES}[{name!r}] of {self.inventory} is {known[name]!r}",
                "a release is named by its digest: sha256: and 64 hexadecimal digits",
            )
        return str(known[name])

    def close(self) -> None:
        """End every connection that was opened."""
        for host in self.hosts.values():
            if "ssh" in host.__dict__:
                host.ssh.close()


def read_site(inventory: Path, cache: Path) -> Site:
    """Read an inventory, as Ansible itself understands it.

    The answer is kept in the folder `cache`, by the content of every file of the inventory, because asking
    Ansible takes a second.

    Raises:
        UsageError: The inventory is missing or Ansible cannot read it.
    """
    if not inventory.exists():
        siblings = [str(path) for path in sorted(inventory.parent.glob("*")) if path.is_dir()]
        raise UsageError(f"there is no inventory {inventory}", _closest(str(inventory), siblings))
    kept = cache / f"inventory-{_fingerprint(inventory)}.json"
    if kept.is_file():
        listing = json.loads(kept.read_text())
    else:
        listing = _ask_ansible(inventory)
        if _is_static(inventory):
            cache.mkdir(parents=True, exist_ok=True)
            part = kept.with_suffix(f".{os.getpid()}")
            part.touch(mode=0o600)  # an inventory may hold secrets
            part.write_text(json.dumps(listing))
            part.replace(kept)
    return site_from_listing(inventory, listing)


def site_from_listing(inventory: Path, listing: Mapping[str, Any]) -> Site:
    """Make a site of what `ansible-inventory --list` printed.

    Raises:
        UsageError: The inventory has no host.
    """
    hostvars = {
        host: {name: _plain(value) for name, value in variables.items()}
        for host, variables in listing.get("_meta", {}).get("hostvars", {}).items()
    }
    groups = {name: _members(name, listing, set()) for name in listing if name != "_meta"}
    names = dict.fromkeys(host for members in groups.values() for host in members)
    if not names:
        raise UsageError(f"{inventory} has no hosts", "name an inventory with hosts: -i inventories/lab")
    world = {"groups": {name: list(members) for name, members in groups.items()}, "hostvars": hostvars}
    hosts = {name: Host(name, _rendered(name, hostvars.get(name, {}), world)) for name in names}
    first = next(iter(hosts.values())).variables
    shared = {
        key: value for key, value in first.items() if all(host.variables.get(key) == value for host in hosts.values())
    }
    return Site(inventory, hosts, groups, shared)


def _ask_ansible(inventory: Path) -> dict[str, Any]:
    from ansible_runner import get_inventory  # noqa: PLC0415  # a quarter of a second, only when needed

    # ansible-runner notes the whole environment in its folder, with whatever secrets it holds, and leaves it there.
    with tempfile.TemporaryDirectory(prefix="drillbook-") as folder:
        out, err = get_inventory(
            action="list",
            inventories=[str(inventory.resolve())],
            response_format="json",
            quiet=True,
            private_data_dir=folder,
            envvars={
                "ANSIBLE_CONFIG": str(checkout.ROOT / "ansible.cfg"),
                "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
                "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
            },
        )
    if not isinstance(out, dict):
        lines = [line for line in str(err or out).splitlines() if "ERROR" in line] or [str(err or out)]
        raise UsageError(
            f"{inventory} cannot be read: {' '.join(lines)[:400]}", f"ansible-inventory -i {inventory} --list"
        )
    return out


def _members(group: str, listing: Mapping[str, Any], seen: set[str]) -> tuple[str, ...]:
    """The hosts of a group and of its children."""
    seen.add(group)
    entry = listing.get(group, {})
    found = dict.fromkeys(entry.get("hosts", []))
    for child in entry.get("children", []):
        if child not in seen:
            found.update(dict.fromkeys(_members(child, listing, seen)))
    return tuple(found)


def _plain(value: Any) -> Any:  # noqa: ANN401  # JSON values
    """The value without the marks by which Ansible says that it came from a plugin."""
    if isinstance(value, dict):
        if value.keys() == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def _rendered(host: str, variables: Mapping[str, Any], world: Mapping[str, Any]) -> dict[str, Any]:
    """The variables with their templates filled in; one that only Ansible can fill in stays as it is."""
    engine = SandboxedEnvironment(undefined=StrictUndefined)
    known = {**world, "inventory_hostname": host, **variables}
    for _ in range(_RENDER_DEPTH):
        before = dict(known)
        for key, value in before.items():
            if isinstance(value, str) and "{{" in value:
                try:
                    known[key] = engine.from_string(value).render(known)
                except (TemplateError, TypeError):
                    continue
        if known == before:
            break
    return {key: known[key] for key in variables}


def _fingerprint(inventory: Path) -> str:
    digest = hashlib.sha256(str(inventory.resolve()).encode())
    for path in _files(inventory):
        digest.update(str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:20]


def _is_static(inventory: Path) -> bool:
    """Whether the files alone decide: no script, and no plugin that asks somebody else."""
    return not any(os.access(path, os.X_OK) or _asks_elsewhere(path) for path in _files(inventory))


def _asks_elsewhere(path: Path) -> bool:
    if path.suffix not in {".yml", ".yaml"}:
        return False
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError:
        return True
    plugin = content.get("plugin") if isinstance(content, dict) else None
    return plugin not in {None, "constructed", "ansible.builtin.constructed"}


def _files(inventory: Path) -> list[Path]:
    if inventory.is_file():
        return [inventory]
    return sorted(path for path in inventory.rglob("*") if path.is_file())


def _closest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(known) or 'none'}"
