"""What this machine can do for a lab: podman, its container settings, a free network, images."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from drills.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# Tried in this order: crun refuses hybrid cgroup v1 hosts, though not at every moment, so runc comes first where it is
# installed; and root without CAP_SYS_RESOURCE may not raise limits.
_LIMITS = '[containers]\ndefault_ulimits = ["nofile={nofile}:{nofile}", "nproc=4096:4096"]\n'
_RUNC = '[engine]\nruntime = "runc"\n'
CONTAINER_SETTINGS = (_RUNC, _RUNC + _LIMITS, "", _LIMITS)


def run(command: list[str], *, log: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Runs a program and returns what it printed; `log` receives all of it.

    Raises:
        UsageError: The program ended with another code than 0; its last lines and the log are named.
    """
    answer = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        env=env,
        check=False,
    )
    if log is not None:
        log.write_text(answer.stdout)
    if answer.returncode:
        last = "\n".join(answer.stdout.strip().splitlines()[-15:])
        hint = f"read {log}" if log else f"run it by hand: {' '.join(command)}"
        raise UsageError(f"{' '.join(command[:3])} … ended with exit code {answer.returncode}:\n{last}", hint)
    return answer.stdout


def require_podman() -> None:
    """Refuses a machine without podman, or one where this user may not run hosts that boot systemd."""
    try:
        subprocess.run(["podman", "--version"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UsageError(
            f"podman cannot be run: {error}", "run 'make system' as root, or install podman >= 4.3"
        ) from None
    if os.geteuid() != 0:
        raise UsageError(
            f"the lab needs root and this is user {os.geteuid()}: its hosts have a network of their own",
            "run it as root, or with sudo",
        )


def find_container_settings(image: str, conf: Path) -> None:
    """Finds settings under which this machine starts containers, by starting one, and keeps them in `conf`."""
    if conf.exists():
        return
    nofile = run(["sh", "-c", "ulimit -Hn"]).strip()
    error = ""
    for settings in CONTAINER_SETTINGS:
        trial = conf.with_suffix(".trial")
        trial.write_text(settings.format(nofile=nofile))
        env = {**os.environ, "CONTAINERS_CONF": str(trial)}
        command = ["podman", "run", "--rm", "--network", "none", image, "true"]
        answer = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        if answer.returncode == 0:
            trial.rename(conf)
            return
        error = answer.stderr.strip().splitlines()[-1]
    raise UsageError(f"podman starts no container here: {error}", f"try 'podman run --rm {image} true'")


def image_exists(image: str) -> bool:
    """Whether podman has `image`."""
    return subprocess.run(["podman", "image", "exists", image], check=False).returncode == 0


def images_named(prefixes: Iterable[str]) -> list[str]:
    """The images whose full names begin with one of `prefixes`."""
    names = run(["podman", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]).split()
    return [name for name in names if name.startswith(tuple(prefixes))]


def remove_image(image: str, *, force: bool = False) -> None:
    """Removes an image. One that a host runs from stays, unless `force`."""
    command = ["podman", "image", "rm", *(["--force"] if force else []), image]
    subprocess.run(command, capture_output=True, check=False)


def container(name: str, form: str) -> str | None:
    """What podman says of the container `name` in the Go template `form`; None when there is none."""
    command = ["podman", "inspect", "--type", "container", "--format", form, name]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None


def free_network(name: str) -> str:
    """The first three numbers of a /24 network that nothing here uses, tried from a place that `name` decides."""
    seed = int(hashlib.sha256(name.encode()).hexdigest(), 16)
    taken = _networks_in_use()
    second = 64 + seed % 128
    for offset in range(256):
        candidate = IPv4Network(f"10.{second}.{(seed // 128 + offset) % 256}.0/24")
        if not any(candidate.overlaps(other) for other in taken):
            return str(candidate.network_address).rsplit(".", 1)[0]
    raise UsageError(f"no free /24 network under 10.{second}.0.0/16", "set DRILLBOOK_LAB to another name")


def _networks_in_use() -> list[IPv4Network]:
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "main"]) or "[]")
    networks = [IPv4Network(route["dst"], strict=False) for route in routes if route["dst"] != "default"]
    # A network without a running container has no route yet.
    for known in json.loads(run(["podman", "network", "ls", "--format", "json"])):
        networks += [
            IPv4Network(subnet["subnet"]) for subnet in known.get("subnets", []) if ":" not in subnet["subnet"]
        ]
    return networks


def digest(sources: Iterable[Path]) -> str:
    """Twelve hexadecimal digits over the names and contents of all files in `sources`."""
    total = hashlib.sha256()
    for source in sources:
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts and file.name != "checkout.yml":
                total.update(f"{file.relative_to(source.parent)}\0".encode() + file.read_bytes() + b"\0")
    return total.hexdigest()[:12]
