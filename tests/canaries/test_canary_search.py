"""Canaries are found wherever they were written down, in whatever spelling; and playbooks write them down nowhere."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from drills.runbook import Following, Order
from drills.site import read_site
from tests.canaries.canary import Canary, names_in
from tests.canaries.places import Allowed, here, search, search_processes
from tests.canaries.processes import Sampler
from tests.canaries.store import VersionsSeen, write

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = ROOT / "tests" / "canaries" / "playbooks" / "uses_secrets.yml"
# Everything that programs are tempted to escape.
SECRET = "Canary 'of' \"ours\" \\ 100% & <so> + ü/=?"
KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIFCanaryCanaryCanaryCanaryCanary
AnotherLineOfIt==
-----END PRIVATE KEY-----
"""
CANARIES = [Canary("odd", SECRET), Canary("key", KEY), Canary("login", json.dumps({"user": "a", "password": "p" * 20}))]


def wrapped(text: str) -> dict[str, str]:
    """The text as programs write it down."""
    return {
        "plain": f"x{text}x",
        "json": json.dumps({"a": f"x{text}"}),
        "json in json": json.dumps({"a": json.dumps({"b": text})}),
        "json, not in ASCII": json.dumps([text], ensure_ascii=False),
        "yaml": yaml.safe_dump({"a": text}, width=10000, allow_unicode=True, default_style="'"),
        "url": f"/?secret={quote(text, safe='')}&b=1",
        "repr": repr({"a": text}),
        "hex": text.encode().hex(),
        **{f"base64 after {n}": base64.b64encode(b"x" * n + text.encode() + b"xyz").decode() for n in range(4)},
        "base64 of JSON": base64.b64encode(json.dumps({"one": "two", "a": text}).encode()).decode(),
        "base64 for URLs": base64.urlsafe_b64encode(b"1" + text.encode()).decode(),
    }


@pytest.mark.parametrize("spelling", wrapped(""))
def test_a_secret_is_found_in_every_spelling(spelling: str) -> None:
    assert names_in(wrapped(SECRET)[spelling].encode(), CANARIES) == ["odd"]
    assert names_in(wrapped(KEY.splitlines()[1])[spelling].encode(), CANARIES) == ["key"]
    assert names_in(wrapped("p" * 20)[spelling].encode(), CANARIES) == ["login"]
    assert names_in(wrapped("something else, and long enough")[spelling].encode(), CANARIES) == []


def test_one_line_of_a_key_gives_it_away_and_its_armour_does_not() -> None:
    assert names_in(b"-----BEGIN PRIVATE KEY-----", CANARIES) == []
    assert names_in(b"AnotherLineOfIt==", CANARIES) == ["key"]


def test_what_an_elliptic_key_has_in_common_with_its_public_key_is_no_secret() -> None:
    key = generate_private_key(SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    canary = Canary("an elliptic key", private)
    shared = private.splitlines()[3]
    assert shared.encode() in public, "the test tests nothing"
    assert names_in(public, [canary]) == []
    for secret in private.splitlines()[1:3]:
        assert names_in(f"a log line with {secret} in it".encode(), [canary]) == ["an elliptic key"]


def test_a_key_in_a_json_file_is_as_much_a_canary_as_in_a_file_of_its_own(tmp_path: Path) -> None:
    kept = Canary("kept", json.dumps({"keys": [{"kid": "k", "public_pem": "a\nb\n", "private_pem": KEY}]}))
    assert names_in(KEY.encode(), [kept]) == ["kept"]
    (tmp_path / "other").write_text("x\n\nx\n")
    assert search(here([tmp_path]), [kept], []).leaks == []
    with pytest.raises(ValueError, match="found everywhere"):
        here([tmp_path]).files_with([b"a long one\n"])


def test_what_is_too_short_is_refused_and_not_left_out() -> None:
    with pytest.raises(ValueError, match="too short"):
        names_in(b"", [Canary("short", "abc")])


def test_a_canary_does_not_tell_its_value() -> None:
    assert SECRET not in repr(CANARIES[0])


@pytest.mark.parametrize("name", ["journal.jsonl", "runner/1-deploy/stdout", ".cache/inventory.json", "logs/a.log"])
def test_a_secret_in_any_file_is_found_and_told_by_its_name_alone(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"\0\xff\n" + wrapped(SECRET)["json"].encode() + b"\n")
    (tmp_path / "other").write_text("nothing")
    found = search(here([tmp_path]), CANARIES, [])
    assert found.leaks == [f"odd is in here:{file}"]


def test_a_file_that_may_hold_it_must_have_its_owner_and_mode(tmp_path: Path) -> None:
    file = tmp_path / "secret.json"
    file.write_text(SECRET)
    file.chmod(0o640)
    rule = Allowed(f"{tmp_path}/secret.json", "root:root", "600")
    assert search(here([tmp_path]), CANARIES, [rule]).leaks == [
        f"here:{file} is root:root 640 and must be root:root 600"
    ]
    file.chmod(0o600)
    found = search(here([tmp_path]), CANARIES, [rule])
    assert (found.leaks, found.kept) == ([], {f"here:{file}": ["odd"]})
    file.rename(tmp_path / "secret.json.bak")
    assert len(search(here([tmp_path]), CANARIES, [rule]).leaks) == 1


def test_a_key_is_not_allowed_for_being_a_key(tmp_path: Path) -> None:
    file = tmp_path / "stdout"
    file.write_text(KEY)
    file.chmod(0o600)
    assert here([tmp_path]).private_keys() == [str(file)]
    assert search(here([tmp_path]), CANARIES, []).leaks == [f"key is in here:{file}"]


def test_what_cannot_be_searched_is_not_clean(tmp_path: Path) -> None:
    (tmp_path / "a.log.1.gz").touch()
    assert here([tmp_path]).compressed() == [str(tmp_path / "a.log.1.gz")]
    broken = here([tmp_path])
    with pytest.raises(AssertionError, match="could not be searched"):
        type(broken)("there", ["/"], lambda *_: (127, b"")).files_with([b"x"])


@pytest.mark.parametrize("where", ["arguments", "environment"])
def test_a_secret_that_a_process_was_told_is_found(where: str) -> None:
    secret = f"canary-{secrets.token_hex(16)}"
    words = ["sh", "-c", "sleep 0.2; true", *([secret] if where == "arguments" else [])]
    environment = {**os.environ, **({"TOLD": secret} if where == "environment" else {})}
    with Sampler() as sampler:
        subprocess.run(words, env=environment, check=True)
    (found,) = {leak for leak in search_processes(sampler.told, [Canary("told", secret)]) if leak.endswith(" sh")}
    assert found == f"told is in the {where} of a process sh"
    assert search_processes(sampler.told, [Canary("other", f"canary-{secrets.token_hex(16)}")]) == []


def test_a_process_that_becomes_another_one_is_looked_at_again() -> None:
    secret = f"canary-{secrets.token_hex(16)}"
    with Sampler() as sampler:
        subprocess.run(["sh", "-c", f"sleep 0.1; exec sleep 0.2 0.{int(secret[7:15], 16)}"], check=True)
    assert any(b"exec" not in one.content and one.program == "sleep" for one in sampler.told)


@dataclass(frozen=True)
class Controller:
    """A controller with a store, and everything that it writes beneath one folder."""

    folder: Path

    @property
    def inventory(self) -> Path:
        return self.folder / "hosts.yml"

    def found(self, canaries: list[Canary]) -> list[str]:
        """The leaks, apart from where the playbook is to keep the secrets."""
        allowed = [Allowed(f"{self.folder}/(kept|store/.*)", ".*", "600")]
        return search(here([self.folder]), canaries, allowed).leaks

    def versions(self) -> VersionsSeen:
        return VersionsSeen(self.folder / "store" / "vault.yml", self.folder / "store" / "password")

    def type(self, *words: str) -> int:
        """`ansible-playbook -vvv` to its end, with its temporary files and what it prints beneath the folder."""
        program = Path(sys.executable).with_name("ansible-playbook")
        own = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_LOCAL_TEMP": str(self.folder / "local")}
        own |= {"ANSIBLE_REMOTE_TEMP": str(self.folder / "remote"), "TMPDIR": str(self.folder)}
        words = ("-vvv", "-i", str(self.inventory), str(PLAYBOOK), *words)
        with (self.folder / "terminal.txt").open("wb") as terminal:
            done = subprocess.run(
                [program, *words], stdout=terminal, stderr=subprocess.STDOUT, check=False, env={**os.environ, **own}
            )
        return done.returncode


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    store = tmp_path / "store"
    store.mkdir(mode=0o700)
    variables = {
        "secret_store": "vault_file",
        "secret_vault_file": str(store / "vault.yml"),
        "secret_vault_password_file": str(store / "password"),
        "secret_make_missing": True,
        "secret_kinds": {"app/password": {"kind": "password"}, "app/key": {"kind": "signing_key"}},
        "kept_in": str(tmp_path / "kept"),
        "careless": False,
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    made = Controller(tmp_path)
    made.inventory.write_text(yaml.safe_dump({"all": {"hosts": {"one": None}, "vars": variables}}))
    return made


@pytest.mark.parametrize("careless", [False, True])
def test_a_playbook_that_takes_care_leaves_nothing_behind_and_a_careless_one_is_found_out(
    controller: Controller,
    careless: bool,  # noqa: FBT001
) -> None:
    with controller.versions() as versions, Sampler() as sampler:
        assert controller.type("-e", json.dumps({"careless": careless})) != 0  # its last task fails on purpose
    assert {one.name.split()[0] for one in versions.canaries} >= {"app/password", "app/key"}
    assert len(versions.canaries) == 4, "current and pending, the key, and the vault's password"
    leaks = controller.found(versions.canaries)
    assert any("terminal.txt" in leak for leak in leaks) is careless, leaks
    assert careless or leaks == []
    assert search_processes(sampler.told, versions.canaries) == []


@pytest.mark.parametrize("careless", [False, True])
def test_what_ansible_runner_keeps_holds_nothing_secret_unless_a_playbook_is_careless(
    controller: Controller,
    careless: bool,  # noqa: FBT001
) -> None:
    order = Order("uses_secrets", PLAYBOOK, controller.inventory, {"careless": careless})
    tasks: list[object] = []
    with controller.versions() as versions:
        ended = Following(order, "a-run", controller.folder / "runner", tasks.append).wait(lambda: time.sleep(0.01))
    assert ended.exit_code != 0
    assert len(tasks) == 4
    (controller.folder / "told.txt").write_text(f"{tasks} {ended}")
    leaks = controller.found(versions.canaries)
    assert bool(leaks) is careless, leaks


def test_reading_an_inventory_leaves_the_environment_nowhere(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = Canary("the environment", f"canary-{secrets.token_hex(16)}")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", canary.value)
    monkeypatch.setattr("tempfile.tempdir", str(controller.folder))
    assert list(read_site(controller.inventory, controller.folder / "cache").hosts) == ["one"]
    assert controller.found([canary]) == []


def test_every_version_is_known_even_one_that_was_forgotten(tmp_path: Path) -> None:
    vault, password = tmp_path / "vault.yml", tmp_path / "password"
    password.write_text("a password of the vault\n")

    def keep(**labels: str) -> None:
        write(vault, password, {"app/key": {label: {"id": name, "value": name * 8} for label, name in labels.items()}})
        time.sleep(1)

    with VersionsSeen(vault, password) as versions:
        keep(current="one")
        keep(current="one", pending="two")
        keep(current="two", previous="one")
        keep(current="two")
    assert {one.name for one in versions.canaries} == {"app/key one", "app/key two", "the vault's password"}


def test_the_pages_and_the_repository_hold_no_secret_of_this_checkouts_lab(
    the_lab_s_secrets: Callable[[], list[Canary]],
) -> None:
    canaries = the_lab_s_secrets()
    assert (
        search(here([ROOT / "runbooks", ROOT / "playbooks", ROOT / "roles", ROOT / "inventories"]), canaries, []).leaks
        == []
    )


@pytest.fixture
def the_lab_s_secrets() -> Callable[[], list[Canary]]:
    def read() -> list[Canary]:
        store = ROOT / ".lab" / "secrets"
        if not (store / "vault.yml").is_file():
            pytest.skip("this checkout has no lab, and so no secrets")
        with VersionsSeen(store / "vault.yml", store / "password") as versions:
            return versions.canaries

    return read
