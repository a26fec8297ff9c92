"""The committed pages say what the playbooks do, or the check says where they do not."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from drills.errors import UsageError
from drills.pages import Drift, check_all, render_all, render_page

Spoil = Callable[[str, str, str], None]


def test_the_golden_pages_are_what_the_playbooks_say(book: Path) -> None:
    golden = {file.name: file.read_text(encoding="utf-8") for file in (book / "runbooks").iterdir()}
    shutil.rmtree(book / "runbooks")
    assert {file.name: file.read_text(encoding="utf-8") for file in render_all(book)} == golden


def test_a_page_that_is_true_passes_the_check(book: Path) -> None:
    assert check_all(book) == []


def test_the_check_writes_nothing(book: Path) -> None:
    shutil.rmtree(book / "runbooks")
    assert [flaw.because for flaw in check_all(book)] == ["the page is not there"] * 3
    assert not (book / "runbooks").exists()


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("roles/fence/tasks/close.yml", "nft add rule", "nft insert rule"),
        ("roles/store/defaults/main.yml", "store@15-main", "store@17-main"),
        ("roles/store/templates/store.conf.j2", "port =", "ports ="),
        ("roles/store/meta/argument_specs.yml", "Make this standby", "Turn this standby into"),
        ("roles/store/tasks/twist.yml", "--left", "--right"),
        ("playbooks/store_failover.yml", "store_failover_graceful | bool", "not store_failover_graceful"),
        ("playbooks/store_failover.meta.yml", "The standby to promote.", "The one to promote."),
    ],
)
def test_a_changed_source_makes_the_page_drift(book: Path, spoil: Spoil, path: str, old: str, new: str) -> None:
    spoil(path, old, new)
    drifts = [flaw for flaw in check_all(book) if isinstance(flaw, Drift)]
    assert [drift.where for drift in drifts] == ["runbooks/store_failover.md"]
    assert "\n-" in drifts[0].diff
    assert "\n+" in drifts[0].diff
    assert str(drifts[0]).endswith("HINT: write the pages anew: drillbook runbooks render")


def test_an_edited_page_is_drift(book: Path, spoil: Spoil) -> None:
    spoil("runbooks/store_rejoin.md", "Takes the fence down.", "Takes it down.")
    assert "+Takes the fence down.\n" in str(check_all(book)[0])


def test_a_page_without_a_playbook_is_stale(book: Path) -> None:
    (book / "runbooks" / "gone.md").write_text("old\n", encoding="utf-8")
    assert [(flaw.where, flaw.because) for flaw in check_all(book)] == [
        ("runbooks/gone.md", "no playbook belongs to this page")
    ]


def test_a_playbook_without_a_meta_is_the_users_to_mend(book: Path) -> None:
    (book / "playbooks" / "store_rejoin.meta.yml").unlink()
    with pytest.raises(UsageError, match=r"store_rejoin.yml has no store_rejoin.meta.yml") as error:
        render_all(book)
    assert error.value.hint.startswith("write playbooks/store_rejoin.meta.yml")


@pytest.mark.parametrize(
    ("path", "text", "where"),
    [
        ("playbooks/store_rejoin.yml", "---\n- name: A\n  hosts: [b\n  tasks: c\n", "store_rejoin.yml:4: not YAML"),
        ("roles/fence/tasks/open.yml", "---\n- a: b: c\n", "roles/fence/tasks/open.yml:2: not YAML"),
        ("playbooks/store_rejoin.meta.yml", "- 1\n", "store_rejoin.meta.yml:1: not a mapping"),
        ("playbooks/store_rejoin.yml", "name: A\n", "store_rejoin.yml:1: a playbook must be a list"),
        ("roles/fence/tasks/open.yml", "- text\n", "open.yml:1: tasks must be a list"),
    ],
)
def test_broken_yaml_is_told_by_file_and_line(book: Path, path: str, text: str, where: str) -> None:
    (book / path).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as error:
        check_all(book)
    assert where in error.value.message
    assert path.rsplit("/", maxsplit=1)[-1] in error.value.hint


def test_a_measured_task_carries_its_time(book: Path) -> None:
    page = render_page(
        book / "playbooks/store_failover.yml", book / "roles", {("roles/store/tasks/promote.yml", 2): 0.43}
    )
    assert "[store/promote.yml:2](../roles/store/tasks/promote.yml#L2) · usually 0.4 s" in page


def test_an_imported_playbook_is_a_phase_that_links_to_its_page(book: Path) -> None:
    playbook = book / "playbooks/store_rejoin.yml"
    playbook.write_text("- ansible.builtin.import_playbook: store_failover.yml\n", encoding="utf-8")
    page = render_page(playbook, book / "roles")
    assert "Follow [store_failover](store_failover.md) from its beginning to its end." in page
