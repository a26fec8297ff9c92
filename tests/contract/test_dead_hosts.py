"""A restore runs to its end with every database host dead, and in place only where somebody says that they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "staging.example.com"
NOBODY_ANSWERS = ["-e", "ansible_host=127.0.0.1", "-e", "ansible_port=1", "-e", "ansible_user=nobody"]
UNREACHABLE, FAILED = 4, 2


def restore(*inputs: str) -> tuple[int, str]:
    """The exit code of backup_restore on hosts none of which answers, and what it said in one line."""
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "-i", "inventories/staging", "playbooks/backup_restore.yml", *NOBODY_ANSWERS, *inputs]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, " ".join(done.stdout.split()) + done.stderr


def test_beside_the_live_cluster_no_database_host_is_needed() -> None:
    code, said = restore("-e", f"backup_restore_host=backup1.{DOMAIN}")
    assert "TASK [Look whether the host knows the repositories]" in said
    assert code == UNREACHABLE, said  # backup1 is as dead as the others here, and nobody else is missed
    assert "failed=1" not in said


def test_in_place_silence_is_no_proof_that_nobody_leads() -> None:
    code, said = restore("-e", f"backup_restore_host=db1.{DOMAIN} backup_restore_cluster=main confirm=staging")
    assert code == FAILED, said
    assert f"db2.{DOMAIN}, db3.{DOMAIN} did not say whether they lead" in said
    assert f"-e backup_restore_lost=db2.{DOMAIN},db3.{DOMAIN}" in said


def test_in_place_it_goes_on_where_somebody_is_sure_of_it() -> None:
    lost = f"backup_restore_lost=db2.{DOMAIN},db3.{DOMAIN}"
    code, said = restore("-e", f"backup_restore_host=db1.{DOMAIN} backup_restore_cluster=main confirm=staging {lost}")
    assert "TASK [Look whether the host knows the repositories]" in said
    assert code == UNREACHABLE, said
