"""Nothing secret is written down anywhere: every secret of the lab is a canary, and all that was written is searched.

What this cannot see: a process that lived for less than a few milliseconds, what was written and removed again before
the end, and the memory of processes. Logs on hosts name the arguments of what is run with sudo, which makes up for part
of the first.
"""

from __future__ import annotations

import secrets
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.canaries.canary import Canary
from tests.canaries.places import Allowed, here, search, search_processes
from tests.canaries.processes import Sampler
from tests.canaries.store import VersionsSeen, read, write
from tests.lab.canary_hosts import keep_journals, podman, private_keys, search_hosts
from tests.lab.terminal import ANSIBLE_PLAYBOOK, DRILLBOOK, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lab.cluster import Cluster
    from tests.lab.terminal import Ended, Terminal

pytestmark = pytest.mark.lab

PLAYBOOK = (ANSIBLE_PLAYBOOK,)

STORE = ROOT / ".lab" / "secrets" / "vault.yml", ROOT / ".lab" / "secrets" / "password"
LEFT_OUT = (".venv", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache", "__pycache__")
# The user who runs Ansible, and nobody else.
ME = Path(ROOT).owner() + ":" + Path(ROOT).group()
ON_CONTROLLER = [
    Allowed(rf"{ROOT}/\.lab/(kept/)?secrets/[^/]+", ME, "600"),
    Allowed(rf"{ROOT}/\.lab/(kept/)?(ssh|molecule)/id_ed25519(\.pending|\.previous)?", ME, "600"),
]
WEBHOOK = "app1:/etc/bookings/secrets/webhook.json"
MUST_BE_FOUND = {
    WEBHOOK,
    "app1:/etc/bookings/secrets/signing_keys.json",
    "app1:/etc/bookings/secrets/database.json",
    "db1:/etc/pgbackrest/pgbackrest.conf",
}
# What a program escapes when it writes it down: a secret of letters alone would look the same everywhere.
ODD = "Canary 'of' \"ours\" \\ 100% & <so> + /=? "


def rotation(kind: str, *words: str) -> tuple[str, ...]:
    return ("key_rotation", "-e", f"key_rotation_kind={kind}", *words)


FEW = [rotation("webhook_secret"), ("backup",)]
COPY = ("-e", "backup_restore_host=backup1")
ALL = [
    rotation("webhook_secret"),
    rotation("signing_key"),
    rotation("database_password"),
    rotation("tls_key"),
    rotation("tls_key", "-e", "key_rotation_leaked=true"),
    rotation("automation_key"),
    rotation("signing_key", "-e", "key_rotation_leaked=true"),
    ("cert_renewal", "-e", "cert_renewal_force=true"),
    ("backup",),
    ("backup_restore", *COPY),
    ("backup_verify", *COPY),
    ("backup_drop", *COPY),
    rotation("backup_passphrase"),
    ("backup",),
    rotation("backup_bucket_passphrase"),
    ("backup",),
    ("site",),
]


@pytest.mark.parametrize("playbooks", [FEW, pytest.param(ALL, marks=pytest.mark.long)], ids=["a few", "every kind"])
def test_nothing_secret_is_written_down_anywhere(
    playbooks: list[tuple[str, ...]], terminal: Terminal, lab: Cluster, tmp_path: Path, recoveries: dict[str, str]
) -> None:
    planted, environment = plant_in_store(), f"canary-{secrets.token_hex(16)}"
    before = private_keys(lab)

    def typed(*words: str, program: tuple[str, ...] = DRILLBOOK) -> Ended:
        where = ("-i", str(terminal.inventory))
        return terminal.type(*words, *where, program=program, AWS_SECRET_ACCESS_KEY=environment, TMPDIR=str(tmp_path))

    with VersionsSeen(*STORE) as versions, Sampler() as sampler:
        ends = [typed("run", "signing_key_leaked")]
        ends += [typed(f"playbooks/{name}.yml", "-vvv", *more, program=PLAYBOOK) for name, *more in playbooks]
    keep_terminals(ends, tmp_path)
    keep_journals(lab, tmp_path)

    secret = {one.value: one for one in (*before, *private_keys(lab), *versions.canaries, *own_keys())}
    canaries = [*secret.values(), Canary("the environment of the commands", environment)]
    local = search(here([ROOT, tmp_path, Path.home() / ".ansible"], LEFT_OUT), canaries, ON_CONTROLLER)
    hosts = search_hosts(lab, canaries)
    # The environment of the commands is what they were told by us.
    leaks = [*local.leaks, *hosts.leaks, *search_processes(sampler.told, [*secret.values()])]
    recoveries["canaries"] = (
        f"{len(canaries)} secrets; {sampler.processes} processes seen in {sampler.looks} looks, "
        f"{sampler.longest_s * 1000:.0f} ms between two at most; they lie in {len(local.kept) + len(hosts.kept)} files"
    )
    assert leaks == [], "\n".join(leaks)
    assert [str(one) for one in ends if one.code != 0] == [], "what fails half way proves less"
    assert hosts.kept.keys() >= MUST_BE_FOUND, "the search does not find what is there"
    assert planted in hosts.kept[WEBHOOK], "what was planted was not taken into use"


def plant_in_store() -> str:
    """A secret that is hard to write down is pending, which the next rotation brings into use; its canary's name."""
    name, content = str(uuid.uuid4()), read(*STORE)
    content["bookings/webhook"]["pending"] = {"id": name, "value": ODD + secrets.token_hex(16)}
    write(*STORE, content)
    return f"bookings/webhook {name[:8]}"


def keep_terminals(ends: list[Ended], folder: Path) -> None:
    for number, ended in enumerate(ends):
        assert ended.out, "nothing was printed, so nothing could be found"
        (folder / f"terminal-{number}.txt").write_text(ended.out + ended.err)


def own_keys() -> Iterator[Canary]:
    """The private keys on this machine."""
    for path in here([ROOT / ".lab"]).private_keys():
        yield Canary(path, Path(path).read_text())


PLANTED = (
    "/var/log/postgresql/planted.log",
    "/var/log/pgbackrest/planted.log",
    "/var/log/planted",
    "/tmp/planted",  # noqa: S108  # of a host
    "/home/ops/.ansible/tmp/planted/arguments",
    "/etc/bookings/secrets/webhook.json.bak",
    "/run/planted",
)


@pytest.fixture
def plant(lab: Cluster) -> Iterator[Callable[..., None]]:
    """Puts a secret into a file on a host, and removes the file afterwards."""
    planted = []

    def put(host: str, path: str, content: str) -> None:
        container = f"{lab.name}-{host}"
        command = 'mkdir -p "${1%/*}" && cat > "$1"'
        podman("exec", "-i", "--user", "root", container, "sh", "-c", command, "sh", path, told=content.encode())
        planted.append((container, path))

    yield put
    for container, path in planted:
        podman("exec", "--user", "root", container, "rm", "--", path)


def test_a_secret_in_any_file_of_a_host_is_found(lab: Cluster, plant: Callable[..., None]) -> None:
    canary, host = Canary("planted", ODD + secrets.token_hex(16)), lab.databases[0]
    for path in PLANTED:
        plant(host, path, f"x {canary.value} x")
    assert sorted(search_hosts(lab, [canary], host).leaks) == sorted(f"planted is in {host}:{path}" for path in PLANTED)


def test_a_secret_that_everybody_may_read_is_found_where_it_may_lie(lab: Cluster) -> None:
    kept, container = "/etc/bookings/secrets/webhook.json", f"{lab.name}-app1"
    with VersionsSeen(*STORE) as versions:
        canaries = versions.canaries
    assert search_hosts(lab, canaries, "app1").leaks == []
    podman("exec", "--user", "root", container, "chmod", "644", kept)
    try:
        found = search_hosts(lab, canaries, "app1").leaks
    finally:
        podman("exec", "--user", "root", container, "chmod", "640", kept)
    assert found == [f"app1:{kept} is root:bookings 644 and must be root:bookings 640"]


def test_a_secret_in_the_journal_of_a_host_is_found(lab: Cluster, tmp_path: Path) -> None:
    canary = Canary("planted", f"canary-{secrets.token_hex(16)}")
    podman("exec", "-i", f"{lab.name}-app1", "systemd-cat", told=canary.value.encode())
    keep_journals(lab, tmp_path)
    assert search(here([tmp_path]), [canary], []).leaks == [f"planted is in here:{tmp_path}/journal-app1"]


@pytest.mark.parametrize("where", ["arguments", "environment"])
def test_a_secret_that_a_process_of_a_host_was_told_is_found(where: str, lab: Cluster) -> None:
    canary = Canary("planted", f"canary-{secrets.token_hex(16)}")
    # Through the standard input, so that no process of this machine but the host's own is told.
    tell = {"arguments": 'read -r it; sh -c "sleep 0.3; true" "$it"', "environment": "read -r it; it=$it sleep 0.3"}
    with Sampler() as sampler:
        podman("exec", "-i", f"{lab.name}-app1", "sh", "-c", tell[where], told=canary.value.encode() + b"\n")
    assert any(f"is in the {where} of a process" in leak for leak in search_processes(sampler.told, [canary]))
