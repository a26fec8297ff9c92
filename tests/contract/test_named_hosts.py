"""A runbook that acts on a host named in its inputs must not end well where nobody has that name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOSTS = re.compile(r"^  hosts: .*\{\{ *(\w+_host)\b", re.MULTILINE)
BY_NAME = {
    path.stem: found[1]
    for path in sorted((ROOT / "playbooks").glob("*.yml"))
    if not path.name.endswith(".meta.yml") and (found := HOSTS.search(path.read_text()))
}


def test_there_are_such_runbooks() -> None:
    assert BY_NAME.keys() >= {"backup_restore", "backup_verify", "backup_drop", "rows_restore"}


@pytest.mark.parametrize("runbook", BY_NAME)
def test_a_host_that_nobody_has_is_refused(runbook: str) -> None:
    program = Path(sys.executable).with_name("ansible-playbook")
    named = json.dumps({BY_NAME[runbook]: "a-typo", "confirm": "staging"})
    command = [str(program), "-i", "inventories/staging", f"playbooks/{runbook}.yml", "-e", named]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    said = " ".join(done.stdout.split())
    assert done.returncode == 2, said + done.stderr
    assert "the inventory has no host a-typo; nothing was changed. HINT:" in said
