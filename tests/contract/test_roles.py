"""What roles promise to the playbooks that include them, and to the people who read them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
TASK_FILES = sorted((ROOT / "roles").glob("*/tasks/*.yml"))
PLAYBOOKS = sorted(path for path in (ROOT / "playbooks").glob("*.yml") if not path.name.endswith(".meta.yml"))
ANSIBLE_FILES = [*TASK_FILES, *PLAYBOOKS, *sorted((ROOT / "drills" / "faults" / "cures").rglob("*.yml"))]
COMMANDS = {f"ansible.builtin.{name}" for name in ("command", "shell", "raw", "script", "expect")}
ONE_SCREEN, FAR_TOO_LONG = 60, 100


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def read(path: Path) -> Any:  # noqa: ANN401  # whatever the YAML holds
    return yaml.safe_load(path.read_text())


def specs(role: Path) -> dict[str, Any]:
    return dict(read(role / "meta" / "argument_specs.yml")["argument_specs"])


def tasks(found: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  # the same
    """Every task in a list of plays, blocks and tasks."""
    for entry in found or []:
        if "hosts" not in entry and "block" not in entry:
            yield entry
        for part in ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always"):
            yield from tasks(entry.get(part))


def verbs_that_playbooks_follow() -> set[tuple[str, str]]:
    included = (task.get("ansible.builtin.include_role") for path in PLAYBOOKS for task in tasks(read(path)))
    return {(role["name"], role.get("tasks_from", "main").removesuffix(".yml")) for role in included if role}


def test_there_is_something_to_check() -> None:
    assert len(ROLES) >= 4
    assert len(verbs_that_playbooks_follow()) >= 10


@pytest.mark.parametrize("role", ROLES, ids=named)
def test_what_can_be_set_is_what_is_described(role: Path) -> None:
    described = {name for spec in specs(role).values() for name in spec.get("options", {})}
    assert set(read(role / "defaults" / "main.yml")) == described


@pytest.mark.parametrize("role", ROLES, ids=named)
def test_a_described_default_is_the_one_that_holds(role: Path) -> None:
    defaults = read(role / "defaults" / "main.yml")
    for verb, spec in specs(role).items():
        for name, option in spec.get("options", {}).items():
            if not option.get("required"):
                assert option["default"] == defaults[name], f"{verb}: {name}"
            else:
                assert "default" not in option, f"{verb}: {name} is required and has a default"


@pytest.mark.parametrize("role", ROLES, ids=named)
def test_each_description_belongs_to_a_verb_of_the_role(role: Path) -> None:
    for verb, spec in specs(role).items():
        assert (role / "tasks" / f"{verb}.yml").is_file(), f"{verb} is described and does not exist"
        assert re.fullmatch(r"[A-Z][^\n]{15,}[^.\s]", spec["short_description"]), f"{verb}: {spec['short_description']}"


@pytest.mark.parametrize(("role", "verb"), sorted(verbs_that_playbooks_follow()))
def test_a_verb_that_a_playbook_follows_exists_and_is_described(role: str, verb: str) -> None:
    assert (ROOT / "roles" / role / "tasks" / f"{verb}.yml").is_file()
    assert verb in specs(ROOT / "roles" / role)


@pytest.mark.parametrize("path", sorted((ROOT / "roles").rglob("*.yml")), ids=named)
def test_a_file_of_a_role_fits_on_a_screen(path: Path) -> None:
    if path.name != "argument_specs.yml":  # a table, and longer than one screen for a large role
        assert len(path.read_text().splitlines()) <= (ONE_SCREEN if path in TASK_FILES else FAR_TOO_LONG)


@pytest.mark.parametrize("path", ANSIBLE_FILES, ids=named)
def test_no_error_is_passed_over(path: Path) -> None:
    assert "ignore_errors" not in path.read_text()


@pytest.mark.parametrize("path", ANSIBLE_FILES, ids=named)
def test_a_command_says_when_it_changes_something(path: Path) -> None:
    for task in tasks(read(path)):
        for module in COMMANDS & task.keys():
            arguments = {**(task[module] if isinstance(task[module], dict) else {}), **task.get("args", {})}
            assert "changed_when" in task or {"creates", "removes"} & arguments.keys(), task["name"]


@pytest.mark.parametrize("path", ANSIBLE_FILES, ids=named)
def test_modules_are_named_in_full_or_are_our_own(path: Path) -> None:
    own = {module.stem for module in (ROOT / "plugins" / "modules").glob("*.py")}
    for task in tasks(read(path)):
        short = {key for key in task if "." not in key} & {
            "command",
            "shell",
            "copy",
            "template",
            "file",
            "apt",
            "debug",
        }
        assert not short, f"{task['name']}: {short}"
        assert any("." in key or key in own for key in task), task["name"]


def test_a_restored_database_keeps_as_much_wal_from_its_start_as_every_leader() -> None:
    # Standbys are copied from it before it has the cluster's settings.
    begins, leads = (
        re.findall(r"^wal_keep_size = \w+$", (ROOT / "roles" / path).read_text(), re.MULTILINE)
        for path in ("backup/templates/beginning.conf.j2", "postgresql/templates/cluster.conf.j2")
    )
    assert begins == leads
    assert begins
