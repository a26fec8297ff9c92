"""The lookup and the action `secret`, as playbooks use them; over both stores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
LOGIN = "lookup('secret', 'app/login') | from_json"
SAY = "ansible.builtin.debug"


@dataclass(frozen=True)
class Controller:
    """Runs tasks on a controller with the settings of the repository and an inventory of its own."""

    folder: Path
    variables: dict[str, Any]

    def run(self, *tasks: dict[str, Any], **more: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
        inventory = {"all": {"hosts": {"one": None, "two": None}, "vars": self.variables | more}}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
        (self.folder / "play.yml").write_text(
            yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": list(tasks)}])
        )
        program = Path(sys.executable).with_name("ansible-playbook")
        command = [str(program), "-vvv", "-i", str(self.folder / "hosts.yml"), str(self.folder / "play.yml")]
        keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
        environment = {**os.environ, **keys, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(params=["vault_file", "aws_secrets_manager"])
def controller(request: pytest.FixtureRequest, tmp_path: Path, aws: str) -> Controller:
    variables = {
        "folder": str(tmp_path),
        "secret_store": request.param,
        "secret_vault_file": "{{ folder }}/secrets/vault.yml",
        "secret_vault_password_file": "{{ folder }}/secrets/password",
        "secret_aws_prefix": f"{tmp_path.name}/",
        "secret_aws_region": "ap-southeast-3",
        "secret_aws_endpoint": aws,
        "secret_make_missing": True,
        "secret_kinds": {
            "app/login": {"kind": "login", "users": ["a", "b"]},
            "app/key": {"kind": "signing_key", "adopt": "{{ folder }}/key.pem"},
        },
    }
    return Controller(tmp_path, variables)


def once(**task: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"name": "step", "run_once": True, **task}


def test_a_missing_secret_is_made_once_and_every_host_gets_the_same(controller: Controller) -> None:
    done = controller.run({"name": "say", SAY: {"msg": "{{ lookup('secret', 'app/login') | hash('sha256') }}"}})
    assert done.returncode == 0, done.stdout
    said = [line.split("msg: ")[1] for line in done.stdout.splitlines() if "msg: " in line]
    assert len(said) == 2
    assert len(set(said)) == 1


def test_a_rotation_is_seen_by_the_lookup_at_once(controller: Controller) -> None:
    user = {SAY: {"msg": f"user {{{{ ({LOGIN}).user }}}}"}}
    done = controller.run(
        once(**user),
        once(secret={"name": "app/login", "state": "added"}),
        once(**user),
        once(secret={"name": "app/login", "state": "promoted"}),
        once(**user),
    )
    assert done.returncode == 0, done.stdout
    assert [line.split()[-1] for line in done.stdout.splitlines() if "msg: user" in line] == ["a", "a", "b"]


def test_a_state_that_holds_is_left_alone_and_a_dry_run_changes_nothing(controller: Controller) -> None:
    states = ["made", "made", "added", "added", "promoted", "promoted", "retired", "retired"]
    done = controller.run(
        *[once(secret={"name": "app/login", "state": state}, register=f"r{n}") for n, state in enumerate(states)],
        once(**{SAY: {"msg": "changed {{ [" + ", ".join(f"r{n}.changed" for n in range(8)) + "] | to_json }}"}}),
    )
    assert done.returncode == 0, done.stdout
    assert "changed [true, false, true, false, true, false, true, false]" in done.stdout
    checked = controller.run(
        once(secret={"name": "app/login", "state": "added"}, check_mode=True),
        once(secret={"name": "app/login"}, register="looked"),
        once(**{SAY: {"msg": "has {{ looked.versions.keys() | list | to_json }}"}}),
    )
    assert 'has ["current"]' in checked.stdout


def test_what_is_used_already_is_adopted(controller: Controller) -> None:
    made = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True, text=True, check=True)
    (controller.folder / "key.pem").write_text(made.stdout)
    same = "{{ lookup('secret', 'app/key') == lookup('ansible.builtin.file', folder ~ '/key.pem', rstrip=false) }}"
    done = controller.run(once(**{SAY: {"msg": f"same {same}"}}))
    assert "same True" in done.stdout, done.stdout


def test_the_filters_give_the_service_its_files(controller: Controller) -> None:
    versions = "lookup('secret', 'app/key', field='versions')"
    done = controller.run(
        once(secret={"name": "app/key", "state": "made"}),
        once(secret={"name": "app/key", "state": "added"}),
        once(**{SAY: {"msg": f"private {{{{ ({versions} | signing_keys)['keys'] | map('length') | list }}}}"}}),
        once(**{SAY: {"msg": f"narrow {{{{ ({versions} | signing_keys(['current']))['keys'] | length }}}}"}}),
        once(**{SAY: {"msg": f"webhook {{{{ {versions} | webhook_secrets | length }}}}"}}),
    )
    assert "private [3, 2]" in done.stdout, "the key that only waits is given with its private part"
    assert "narrow 1" in done.stdout
    assert "webhook 2" in done.stdout


def test_a_secret_that_nobody_described_is_an_error_that_says_what_to_do(controller: Controller) -> None:
    done = controller.run(once(**{SAY: {"msg": "{{ lookup('secret', 'app/other') }}"}}))
    assert done.returncode != 0
    assert "there is no secret app/other. HINT: describe it in secret_kinds" in " ".join(done.stdout.split())


def test_where_nothing_is_to_be_made_a_missing_secret_is_an_error(controller: Controller) -> None:
    done = controller.run(once(**{SAY: {"msg": "{{ lookup('secret', 'app/login') }}"}}), secret_make_missing=False)
    assert done.returncode != 0
    assert "there is no secret app/login" in " ".join(done.stdout.split())


def test_a_missing_secret_is_made_for_nobody_who_asks_for_something_else(controller: Controller) -> None:
    """A rotation would take what it has invented itself for the secret in use."""
    done = controller.run(once(secret={"name": "app/login", "state": "added"}), secret_make_missing=False)
    told = " ".join(done.stdout.split())
    assert done.returncode != 0
    assert "there is no secret app/login. HINT: describe it in secret_kinds, then make it" in told


def test_who_asks_for_just_that_makes_a_missing_secret(controller: Controller) -> None:
    (controller.folder / "secrets").mkdir()
    (controller.folder / "secrets" / "password").write_text("a password of the vault\n")
    made = [once(secret={"name": "app/login", "state": state}) for state in ("made", "added", "promoted")]
    done = controller.run(*made, once(**{SAY: {"msg": f"user {{{{ ({LOGIN}).user }}}}"}}), secret_make_missing=False)
    assert done.returncode == 0, done.stdout
    assert "msg: user b" in done.stdout


@pytest.mark.parametrize("state", ["looked", "promoted"])
def test_what_somebody_else_has_changed_is_left_alone(controller: Controller, state: str) -> None:
    before = {"current": "1", "pending": "2", "previous": "3"}
    done = controller.run(
        once(secret={"name": "app/login", "state": "added"}),
        once(secret={"name": "app/login", "state": state, "seen": before}, register="said", failed_when=False),
        once(secret={"name": "app/login"}, register="after"),
        once(**{SAY: {"msg": "still {{ after.versions.keys() | list | to_json }}, {{ said.msg }}"}}),
    )
    assert 'still ["current", "pending"], the' in done.stdout, done.stdout
    assert "so somebody else is rotating it; the store was not changed. HINT" in " ".join(done.stdout.split())


def test_the_action_shows_no_value(controller: Controller) -> None:
    done = controller.run(
        once(secret={"name": "app/login", "state": "added"}),
        once(**{"ansible.builtin.copy": {"content": "{{ lookup('secret', 'app/login') }}", "dest": "{{ folder }}/out"},
                "delegate_to": "localhost", "no_log": True}),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert json.loads((controller.folder / "out").read_text())["password"] not in done.stdout + done.stderr
