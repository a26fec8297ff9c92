"""The lab hosts, on which canaries are looked for: every file that was written there, the journal, and private keys."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from tests.canaries.canary import Canary
from tests.canaries.places import SECONDS, Allowed, Findings, Trees, search

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.lab.cluster import Cluster

T = TypeVar("T")

# All that is written after a host was made from its image; programs' own files lie elsewhere.
ROOTS = ("/etc", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/usr/local", "/var", "/dev/shm")  # noqa: S108
# Keys of the image's own programs, which are nobody's secret; and the logs of how the image was made.
OF_THE_IMAGE = ("/etc/ssh/", "/etc/ssl/private/ssl-cert-snakeoil.key", "/opt/object_store/moto/", "/var/log/apt/")
# What lies there comes from the store, which is asked itself.
FROM_THE_STORE = "/etc/bookings/secrets/"

ALLOWED = [
    Allowed(r"/etc/bookings/secrets/(database|signing_keys|webhook)\.json", "root:bookings", "640"),
    Allowed(r"/etc/pgbackrest/(pgbackrest|former|restore-.*)\.conf", "root:postgres", "640"),
    Allowed(r"/var/lib/postgresql/\.pgpass", "postgres:postgres", "600"),
    Allowed(r"/etc/bind/named\.conf", "root:bind", "640"),
    Allowed(
        r"/etc/certificates/.*|/etc/(pebble|object_store)/.*\.key|/etc/pgbackrest/tls/.*\.key", "[a-z]+:[a-z]+", "600"
    ),
]


def on(cluster: Cluster, host: str) -> Trees:
    """All that was written on a host."""

    def run(words: Sequence[str], told: bytes) -> tuple[int, bytes]:
        return podman("exec", "-i", "--user", "root", f"{cluster.name}-{host}", *words, told=told)

    return Trees(host, ROOTS, run)


def podman(*words: str, told: bytes = b"") -> tuple[int, bytes]:
    """Exit code and output of a command of podman."""
    done = subprocess.run(["podman", *words], input=told, capture_output=True, check=False, timeout=SECONDS)
    return done.returncode, done.stdout


def search_hosts(cluster: Cluster, canaries: list[Canary], *hosts: str) -> Findings:
    """Look for canaries on these hosts, or on all; a log that cannot be looked into is a leak as well."""

    def look(host: str) -> Findings:
        trees = on(cluster, host)
        found = search(trees, canaries, ALLOWED)
        logs = [path for path in trees.compressed() if path.startswith("/var/log/")]
        blind = [f"{host}:{path} was not searched" for path in logs if not path.startswith(OF_THE_IMAGE)]
        return Findings([*found.leaks, *blind], found.kept)

    those = _on_each(hosts or cluster.hosts, look)
    kept = {place: names for found in those for place, names in found.kept.items()}
    return Findings([leak for found in those for leak in found.leaks], kept)


def private_keys(cluster: Cluster) -> list[Canary]:
    """The private keys that were made on hosts or brought there."""

    def look(host: str) -> list[Canary]:
        trees = on(cluster, host)
        paths = [path for path in trees.private_keys() if not path.startswith((*OF_THE_IMAGE, FROM_THE_STORE))]
        return [Canary(f"{host}:{path}", trees.content(path).decode(errors="replace")) for path in paths]

    return [one for found in _on_each(cluster.hosts, look) for one in found]


def keep_journals(cluster: Cluster, folder: Path) -> None:
    """Write what journald and the console of each host have to a folder: their own files may be compressed."""

    def keep(host: str) -> None:
        container = f"{cluster.name}-{host}"
        for name, words in (
            ("journal", ("exec", container, "journalctl", "--no-pager", "--all", "--output=export")),
            ("console", ("logs", container)),
        ):
            code, out = podman(*words)
            if code != 0 or (name == "journal" and not out):
                raise AssertionError(f"the {name} of {host} cannot be read: {code}")
            (folder / f"{name}-{host}").write_bytes(out)

    _on_each(cluster.hosts, keep)


def _on_each(hosts: Sequence[str], look: Callable[[str], T]) -> list[T]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(look, hosts))
