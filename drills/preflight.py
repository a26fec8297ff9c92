"""Everything that can be wrong with the command, the scenario or the inventory, found before any harm."""

from __future__ import annotations

import hashlib
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from drills import checkout
from drills.connection import UnreachableError
from drills.errors import UsageError
from drills.runbook import environment, first_lines, load_runbook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from drills.plan import PlannedDrill
    from drills.site import Host, Site

REACH_SECONDS = 5.0
# The one variable that every runbook knows without an argument spec: it says that this environment is meant.
CONFIRM = "confirm"
_SYNTAX_SECONDS = 60.0
_SOURCES = ("playbooks", "roles", "plugins", "drills/faults/cures", "ansible.cfg")
_TYPES = ("type", "required", "choices", "elements", "options", "no_log")


def preflight(site: Site, rehearsal: PlannedDrill, given: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Check everything, side by side; nothing is touched.

    Args:
        site: The site.
        rehearsal: The story, as it was written down.
        given: The operator's own variables, by name.

    Returns:
        For each runbook the operator's own variables, of the right types.

    Raises:
        UsageError: Something is wrong; the first cause found is told.
    """
    variables = runbook_variables(rehearsal.followed, given, site.variables)
    site.group("database")
    for release in sorted(rehearsal.site.releases):
        site.release(release)
    with ThreadPoolExecutor(max_workers=8) as pool:
        # the slowest first; on two cores more than two ansible-playbook at a time only wait for each other
        syntax = pool.submit(check_syntax, rehearsal.playbooks, site.inventory)
        reached = [pool.submit(reach, host) for host in site.hosts.values()]
        for check in (*reached, syntax):
            check.result()
    return variables


def reach(host: Host) -> None:
    """Run `true` on the host.

    Raises:
        UsageError: It cannot be reached.
    """
    if host.variables.get("ansible_connection") == "local":
        return
    try:
        answer = host.ssh.run("true", timeout=REACH_SECONDS)
    except UnreachableError as error:
        raise UsageError(
            f"{host} cannot be reached: {error}", "drillbook doctor; in the lab: drillbook lab up"
        ) from error
    if answer.exit_code != 0:
        raise UsageError(f"`true` on {host} ended with exit code {answer.exit_code}", f"drillbook lab ssh {host}")


def runbook_variables(
    followed: Sequence[tuple[str, Mapping[str, object]]], given: Mapping[str, str], shared: Mapping[str, Any]
) -> dict[str, dict[str, object]]:
    """The operator's variables for each runbook; together with the story's they must suit the spec in its meta.

    Raises:
        UsageError: A runbook is missing, a variable belongs to none of them or is of the wrong type.
    """
    specs = {name: load_runbook(name).meta.options for name, _ in followed}
    strangers = [name for name in given if name != CONFIRM and not any(name in spec for spec in specs.values())]
    if strangers:
        known = sorted({name for spec in specs.values() for name in spec})
        raise UsageError(
            f"no runbook of this drill has an input {strangers[0]!r}", f"there are: {', '.join(known) or 'none'}"
        )
    variables: dict[str, dict[str, object]] = {}
    for name, story in followed:
        own = {key: value for key, value in given.items() if key in specs[name]}
        checked = _checked(name, specs[name], {**story, **own}, shared)
        said = {key: value for key, value in given.items() if key == CONFIRM}
        variables[name] = {**said, **{key: checked[key] for key in own}}
    return variables


def _checked(
    runbook: str, options: Mapping[str, Mapping[str, Any]], values: dict[str, object], shared: Mapping[str, Any]
) -> dict[str, object]:
    spec = {name: {key: option[key] for key in _TYPES if key in option} for name, option in options.items()}
    inherited = {name: shared[name] for name in spec if name in shared}
    result = ArgumentSpecValidator(spec).validate({**inherited, **values})
    if result.error_messages:
        raise UsageError(
            f"the inputs of {runbook} are wrong: {'; '.join(result.error_messages)}",
            f"see playbooks/{runbook}.meta.yml for their types, and give them with -e name=value",
        )
    return {name: result.validated_parameters[name] for name in values}


def check_syntax(playbooks: Sequence[str], inventory: Path) -> None:
    """Let Ansible read every playbook; one that it read before, with the same roles, is not read again.

    Raises:
        UsageError: One is missing, or Ansible cannot read it.
    """
    digest = _digest(inventory)
    kept = checkout.cache() / "syntax"
    kept.mkdir(parents=True, exist_ok=True)

    def check(playbook: str) -> None:
        mark = kept / f"{digest}-{playbook.replace('/', '_')}"
        if not mark.exists():
            _read_by_ansible(playbook, inventory)
            mark.touch()

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(check, playbooks))  # raises what a check raised


def _read_by_ansible(playbook: str, inventory: Path) -> None:
    path = checkout.ROOT / playbook
    if not path.is_file():
        raise UsageError(
            f"there is no playbook {playbook}", "drillbook plan shows which playbooks the scenario follows"
        )
    command = ["ansible-playbook", "--syntax-check", "-i", str(inventory.resolve()), str(path), "--limit", "all"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SYNTAX_SECONDS,
        cwd=checkout.ROOT,
        env={**os.environ, **environment("preflight")},
    )
    if done.returncode != 0:
        raise UsageError(
            f"{playbook} cannot be read: {first_lines(done.stderr or done.stdout)}",
            f"ansible-playbook --syntax-check {playbook}",
        )


def _digest(inventory: Path) -> str:
    digest = hashlib.sha256(str(inventory.resolve()).encode())
    sources = [*(checkout.ROOT / source for source in _SOURCES), *checkout.playbook_folders(), inventory]
    for source in sources:
        files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
        for path in files:
            digest.update(str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:20]
