"""The lab: the disposable hosts of inventories/lab, as podman containers that boot systemd.

What the hosts are stands in the inventory alone. Here the playbooks in lab/ that start, save and remove them are run.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from drills.errors import UsageError
from drills.lab import machine

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]

# Whatever decides what a provisioned host is. A saved state is of use only while none of these has changed.
STATE_SOURCES = (
    "roles",
    "lab/image",
    "lab/bookings",
    "lab/release.py",
    "lab/releases",
    "lab/up.yml",
    "inventories/lab",
    "playbooks/site.yml",
    "playbooks/publish_release.yml",
    "playbooks/deploy.yml",
    "playbooks/backup.yml",
    "plugins",
)

SECRETS = ("secrets", "ssh", "acme")
"""What this machine knows of the hosts: their keys and secrets, and whom to trust. It changes with them."""

FIRST_RELEASE = "1.0.0"
"""The release that customers of a new lab get."""


@dataclass(frozen=True)
class Lab:
    """The lab of one checkout: `root` is the repository it belongs to."""

    root: Path = REPOSITORY

    @property
    def folder(self) -> Path:
        """Where keys, secrets and the record of what is running are kept; never committed."""
        return self.root / ".lab"

    @property
    def inventory(self) -> Path:
        """The one description of the hosts."""
        return self.root / "inventories" / "lab"

    @cached_property
    def name(self) -> str:
        """The prefix of everything the lab makes on this machine, from DRILLBOOK_LAB or the checkout's path."""
        return os.environ.get("DRILLBOOK_LAB") or f"drillbook-{hashlib.sha256(str(self.root).encode()).hexdigest()[:6]}"

    @cached_property
    def hosts(self) -> dict[str, int]:
        """The names of all hosts and the last number of their addresses, as the inventory has them."""
        groups = yaml.safe_load((self.inventory / "hosts.yml").read_text())["all"]["children"].values()
        return {host: facts["lab_address"] for group in groups for host, facts in group.get("hosts", {}).items()}

    @cached_property
    def base_image(self) -> str:
        """The image that every host starts from, named by its recipe's digest; checkouts share it."""
        return f"localhost/drillbook-host:{machine.digest([self.root / 'lab' / 'image'])}"

    @cached_property
    def state(self) -> str:
        """The digest of everything that decides what a provisioned host is."""
        return machine.digest(self.root / source for source in STATE_SOURCES)

    def container(self, host: str) -> str:
        """The name podman knows `host` by."""
        return f"{self.name}-{host}"

    def saved_image(self, host: str) -> str:
        """The image that holds the provisioned state of `host`."""
        return f"localhost/{self.container(host)}:{self.state}"

    def prepare(self) -> None:
        """Makes what hosts start from: the image, settings, a network address, keys. Molecule needs no more."""
        machine.require_podman()
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if not machine.image_exists(self.base_image):
            with _step("make the host image", 45):
                machine.run(
                    [str(self.root / "lab" / "image" / "build.sh"), self.base_image],
                    log=self.folder / "image.log",
                )
        machine.find_container_settings(self.base_image, self.folder / "containers.conf")
        self._build_releases()
        # Molecule has a key of its own: the lab's is rotated, or goes back to the kept one, while its hosts run.
        for user in ("ssh", "molecule"):
            key = self.folder / user / "id_ed25519"
            if not key.exists():
                key.parent.mkdir(mode=0o700, exist_ok=True)
                machine.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", str(key)])

    def up(self) -> None:
        """Brings every host up and provisioned; does nothing that is done already."""
        self.prepare()
        saved = self._kept.is_dir() and all(machine.image_exists(self.saved_image(host)) for host in self.hosts)
        made_from = {host: machine.container(self.container(host), "{{.ImageName}}") for host in self.hosts}
        if any(made_from.values()):
            if (recorded := self._recorded_state()) is not None:
                _refuse_missing([host for host, image in made_from.items() if not image])
            provisioned = recorded == self.state
        else:
            if saved:
                self._bring_secrets_back()
            provisioned = saved
        with _step("start the hosts", 10):
            # A host that exists is started as it is; what an interrupted start left out is made from an image.
            newest = {host: self.saved_image(host) if saved else self.base_image for host in self.hosts}
            self._start({host: made_from[host] or newest[host] for host in self.hosts})
        if not provisioned:
            self._record_state(None)
            with _step("provision the hosts", 150):
                self.play("playbooks/site.yml", log="site.log", variables={"postgresql_create_cluster": True})
            with _step("publish the releases, and deploy the first", 60):
                self._release()
            with _step("make the first backup", 30):
                self.play("playbooks/backup.yml", log="backup.log", variables={"backup_type": "full"})
        if not saved:
            with _step("keep the provisioned state", 40):
                self._save()
        # The ACME server makes a new authority each time it starts.
        self.play("lab/trust.yml", log="trust.log")
        self._record_state(self.state)

    def down(self, *, purge: bool = False) -> None:
        """Removes the hosts and the network, and with `purge` the images as well."""
        machine.require_podman()
        if self._checkout.exists():
            with _step("remove the hosts and their network", 10):
                self.play("lab/down.yml", log="down.log")
        for leftover in (self._checkout, self.folder / "ssh" / "known_hosts", self.folder / "state.json"):
            leftover.unlink(missing_ok=True)
        if purge:
            for image in [*self._saved_images(), self.base_image]:
                machine.remove_image(image, force=True)

    def reset(self) -> None:
        """Throws the hosts away and brings them back in their provisioned state."""
        self.down()
        self.up()

    def status(self) -> dict[str, str]:
        """What podman says of each host: running, exited, … or absent."""
        return {host: machine.container(self.container(host), "{{.State.Status}}") or "absent" for host in self.hosts}

    def ssh_command(self, host: str, command: tuple[str, ...] = ()) -> list[str]:
        """The ssh command that logs in to `host`."""
        if host not in self.hosts:
            raise UsageError(f"the lab has no host {host!r}", f"choose one of {', '.join(self.hosts)}")
        keys = self.folder / "ssh"
        options = ["-i", str(keys / "id_ed25519"), "-o", f"UserKnownHostsFile={keys / 'known_hosts'}"]
        return ["ssh", *options, f"ops@{self._address(host)}", *command]

    def play(self, playbook: str, *, log: str, variables: dict[str, Any] | None = None) -> None:
        """Runs a playbook of the repository on the lab; its output goes to `log` in the lab's folder.

        Raises:
            UsageError: The playbook failed; its last lines are in the message.
        """
        program = str(Path(sys.executable).parent / "ansible-playbook")
        command = [program, "-i", str(self.inventory), str(self.root / playbook)]
        command += ["-e", json.dumps(variables)] if variables else []
        machine.run(command, log=self.folder / log, env=self.environment())

    def environment(self) -> dict[str, str]:
        """The environment in which podman and Ansible work for this lab."""
        chosen = {
            "ANSIBLE_CONFIG": str(self.root / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "DRILLBOOK_LAB": self.name,
            "DRILLBOOK_LAB_IMAGE": self.base_image,
        }
        # Programs of the virtual environment, such as ansible-playbook, are found by their names.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**os.environ, **chosen, "PATH": path}

    @property
    def _checkout(self) -> Path:
        return self.inventory / "group_vars" / "all" / "checkout.yml"

    def _build_releases(self) -> None:
        """Builds every release of lab/releases, and writes their digests and the network to the inventory."""
        folder = self.folder / "releases"
        folder.mkdir(exist_ok=True)
        built = machine.run([sys.executable, str(self.root / "lab" / "release.py"), "all", "--to", str(folder)])
        digests = json.loads(built)
        for artifact in folder.glob("*.tar.gz"):
            if f"sha256:{artifact.name.removesuffix('.tar.gz')}" not in digests.values():
                artifact.unlink()
        head = "# Chosen by `drillbook lab up` for this checkout.\n"
        facts = {
            "lab_name": self.name,
            "lab_network_prefix": self._network(),
            "lab_folder": str(self.folder),
            "drill_releases": digests,
        }
        text = head + yaml.safe_dump(facts)
        if not self._checkout.exists() or self._checkout.read_text() != text:
            self._checkout.write_text(text)

    def _network(self) -> str:
        """The network of this lab, or a free one if it has none yet."""
        known = yaml.safe_load(self._checkout.read_text()) if self._checkout.exists() else {}
        prefix = known.get("lab_network_prefix") if known.get("lab_name") == self.name else None
        return str(prefix or machine.free_network(self.name))

    def _release(self) -> None:
        """Puts the releases into the store, and has customers served by the first one."""
        digests = yaml.safe_load(self._checkout.read_text())["drill_releases"]
        artifacts = [
            str(self.folder / "releases" / f"{digest.removeprefix('sha256:')}.tar.gz") for digest in digests.values()
        ]
        self.play("playbooks/publish_release.yml", log="publish.log", variables={"release_artifact": artifacts})
        self.play("playbooks/deploy.yml", log="deploy.log", variables={"release_digest": digests[FIRST_RELEASE]})

    def _address(self, host: str) -> str:
        if not self._checkout.exists():
            raise UsageError("the lab of this checkout was never started", "run 'drillbook lab up'")
        return f"{yaml.safe_load(self._checkout.read_text())['lab_network_prefix']}.{self.hosts[host]}"

    def _start(self, images: dict[str, str]) -> None:
        key = self.folder / "ssh" / "id_ed25519"
        # The key may have been changed since it was made (playbooks/key_rotation.yml).
        key.with_suffix(".pub").write_text(machine.run(["ssh-keygen", "-y", "-f", str(key)]))
        variables = {"lab_images": images, "lab_authorized_keys": str(key.with_suffix(".pub"))}
        self.play("lab/up.yml", log="up.log", variables=variables)
        # Host keys are read over the console rather than the network, so that none is taken on trust.
        lines = []
        for host in self.hosts:
            key_file = "/etc/ssh/ssh_host_ed25519_key.pub"
            kind, public, *_ = machine.run(["podman", "exec", self.container(host), "cat", key_file]).split()
            lines.append(f"{self._address(host)} {kind} {public}\n")
        (self.folder / "ssh" / "known_hosts").write_text("".join(lines))

    def _save(self) -> None:
        stale = [image for image in self._saved_images() if not image.endswith(self.state)]
        images = {host: self.saved_image(host) for host in self.hosts}
        self.play("lab/save.yml", log="save.log", variables={"lab_saved_images": images})
        self._keep_secrets()
        for image in stale:
            machine.remove_image(image)

    @property
    def _kept(self) -> Path:
        """The secrets of the saved hosts; without them nobody could sign in to one."""
        return self.folder / "kept"

    def _keep_secrets(self) -> None:
        """Keeps all of them or, killed half way, none of them new."""
        fresh, former = (self._kept.with_suffix(suffix) for suffix in (".fresh", ".former"))
        for left in (fresh, former):
            shutil.rmtree(left, ignore_errors=True)
        for name in SECRETS:
            shutil.copytree(self.folder / name, fresh / name)
        if self._kept.exists():
            self._kept.rename(former)
        fresh.rename(self._kept)
        shutil.rmtree(former, ignore_errors=True)

    def _bring_secrets_back(self) -> None:
        """Puts the kept ones in the place of what is there; done before any host is there, so it can be done again."""
        for name in SECRETS:
            shutil.rmtree(self.folder / name, ignore_errors=True)
            shutil.copytree(self._kept / name, self.folder / name)

    def _saved_images(self) -> list[str]:
        return machine.images_named(f"localhost/{self.container(host)}:" for host in self.hosts)

    def _recorded_state(self) -> str | None:
        record = self.folder / "state.json"
        return json.loads(record.read_text())["provisioned"] if record.exists() else None

    def _record_state(self, state: str | None) -> None:
        (self.folder / "state.json").write_text(json.dumps({"provisioned": state}))


def _refuse_missing(missing: list[str]) -> None:
    """Nothing that a saved image holds fits in with hosts that have gone on since: neither keys nor data."""
    if missing:
        raise UsageError(
            f"the lab lacks {', '.join(missing)}, and the other hosts have gone on since they were provisioned",
            "throw them away and bring all of them back with 'drillbook lab reset'",
        )


@contextmanager
def _step(what: str, usually_s: int) -> Iterator[None]:
    """Says which step runs and how long it usually takes, then how long it took."""
    print(f"lab: {what} (usually {usually_s} s) …", file=sys.stderr, flush=True)  # noqa: T201  progress is for people
    started = time.monotonic()
    yield
    took = time.monotonic() - started
    print(f"lab: {what}: done in {took:.0f} s", file=sys.stderr, flush=True)  # noqa: T201  the same
