"""Who may be left out of a rotation, and that none ends well which changed nothing; on hosts none of which answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "staging.example.com"
NOBODY_ANSWERS = ["-e", "ansible_host=127.0.0.1", "-e", "ansible_port=1", "-e", "ansible_user=nobody"]
BEGINS = "TASK [key : See where an earlier rotation stopped]"
FAILED = 2


def rotate(kind: str, *arguments: str) -> tuple[int, str]:
    """The exit code of key_rotation, and what it said in one line. It ends when it begins, since it has no store."""
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "-i", "inventories/staging", "playbooks/key_rotation.yml", *NOBODY_ANSWERS]
    command += ["-e", "secret_store=nowhere", "-e", f"key_rotation_kind={kind}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, " ".join(done.stdout.split()) + done.stderr


def test_a_host_that_is_down_may_be_left_out() -> None:
    _, said = rotate("webhook_secret", "--limit", f"all:!app2.{DOMAIN}")
    assert BEGINS in said, said


def test_a_host_that_does_not_know_our_key_answers_and_may_not_be_left_out(tmp_path: Path) -> None:
    refuses = tmp_path / "ssh"
    refuses.write_text("#!/bin/sh\necho 'ops@app2: Permission denied (publickey).' >&2\nexit 255\n")
    refuses.chmod(0o700)
    code, said = rotate("webhook_secret", "--limit", f"all:!app2.{DOMAIN}", "-e", f"ansible_ssh_executable={refuses}")
    assert code == FAILED, said
    assert f"app2.{DOMAIN} answers and is left out" in said
    assert BEGINS not in said


@pytest.mark.parametrize(
    ("kind", "arguments", "about"),
    [
        ("webhook_secret", ["--limit", "all:!application"], f"app1.{DOMAIN}, app2.{DOMAIN}"),
        ("all", ["--limit", "all:!database"], f"db1.{DOMAIN}, db2.{DOMAIN}, db3.{DOMAIN}"),
        ("tls_key", ["-e", '{"certificates": [{"name": "website", "hosts": "website"}]}'], "nobody in the inventory"),
        ("backup_bucket_passphrase", ["-e", "backup_bucket_endpoint="], "nobody in the inventory"),
    ],
)
def test_a_rotation_of_nobody_s_key_is_refused(kind: str, arguments: list[str], about: str) -> None:
    code, said = rotate(kind, *arguments)
    assert code == FAILED, said
    assert f" is about {about}, and none of them takes part; nothing was changed. HINT: " in said
    assert BEGINS not in said


def test_a_secret_that_is_in_no_store_is_not_invented(tmp_path: Path) -> None:
    """The store may be another one than the one that the service was given its secret from."""
    (tmp_path / "password").write_text("a password of the vault\n")
    store = ["secret_store=vault_file", f"secret_vault_file={tmp_path}/vault.yml"]
    store += [f"secret_vault_password_file={tmp_path}/password"]
    code, said = rotate("webhook_secret", *(word for setting in store for word in ("-e", setting)))
    assert code == FAILED, said
    assert "there is no secret bookings/webhook. HINT: " in said
    assert not (tmp_path / "vault.yml").exists()
