"""A runbook that could not be trusted at 3 a.m. is refused, with the line and what to do now."""

from collections.abc import Callable
from pathlib import Path

import pytest

from drills.pages import check_all, contract_errors, render_page
from drills.pages.meta import read_meta

Spoil = Callable[[str, str, str], None]

PLAYBOOK = "playbooks/store_failover.yml"
META = "playbooks/store_failover.meta.yml"
UNDO = "    undo:\n      playbook: store_rejoin\n      until: the old primary's data directory is removed\n"
PROMOTE = "roles/store/tasks/promote.yml"


def test_a_good_book_has_no_errors(book: Path) -> None:
    assert contract_errors(book) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "told"),
    [
        (PLAYBOOK, "- name: Promote the candidate\n  hosts", "- hosts", "a play without a name"),
        (PLAYBOOK, "- name: Fence the old primary and prove it\n      vars", "- vars", "a block without a name"),
        (PROMOTE, "- name: Promote the standby\n  comm", "- comm", f"{PROMOTE}:2: a task without a name"),
        ("roles/store/tasks/look.yml", "    fail_msg", "    success_msg", "has no fail_msg"),
        (PROMOTE, "  register", "  ignore_errors: true\n  register", "ignore_errors hides what went wrong"),
        (PLAYBOOK, "  serial: 1\n", "  ignore_errors: true\n", "ignore_errors hides what went wrong"),
        (PLAYBOOK, "ansible.builtin.debug:\n", "ansible.builtin.command:\n", "is a missing role verb"),
        (PLAYBOOK, "name: fence\n", "name: wall\n", "goes nowhere: role wall is not in roles/"),
        (PLAYBOOK, "tasks_from: stop", "tasks_from: halt", "roles/store/tasks/halt.yml does not exist"),
        ("roles/store/tasks/configure.yml", "twist.yml", "turn.yml", "turn.yml does not exist"),
        ("roles/store/tasks/configure.yml", "twist.yml", "configure.yml", "includes itself"),
        (META, UNDO, "", "does not say how this is undone"),
        (META, "      until: the old primary's data directory is removed\n", "", "does not say how this is undone"),
        (META, "playbook: store_rejoin", "playbook: store_back", "playbooks/store_back.yml, which does not exist"),
        (META, UNDO, f"{UNDO}      inputs: {{back_to: live_release}}\n", "store_rejoin has no input back_to"),
        (
            META,
            UNDO,
            "    undo: {by_hand: Start it again., until: always, inputs: {back_to: live_release}}\n",
            "(no playbook) has no input back_to",
        ),
        (META, UNDO, f"{UNDO}      unless: {{wind: north}}\n", "its undo depends on wind, which is no input of it"),
        (META, "  store_failover:\n", "  failover:\n", "argument_specs has no store_failover"),
        (META, "    use_when:", "    used_when:", "the meta has no use_when"),
    ],
)
def test_what_breaks_the_contract_is_refused(  # noqa: PLR0913, PLR0917 a table of cases
    book: Path, spoil: Spoil, path: str, old: str, new: str, told: str
) -> None:
    spoil(path, old, new)
    errors = [str(error) for error in contract_errors(book)]
    assert len(errors) == 1, errors
    assert told in errors[0]
    assert "\nHINT: " in errors[0]


def test_an_undo_may_need_to_know_what_was_before_and_its_page_says_how(book: Path, spoil: Spoil) -> None:
    rejoin = "playbooks/store_rejoin.meta.yml"
    spoil(rejoin, "      store_rejoin_host:", "      back_to:\n        type: str\n      store_rejoin_host:")
    spoil(META, UNDO, f"{UNDO}      inputs: {{back_to: moon_phase}}\n")
    assert "moon_phase, which nobody can look up" in str(contract_errors(book)[0])
    spoil(META, "moon_phase", "live_release")
    assert contract_errors(book) == []
    page = render_page(book / PLAYBOOK, book / "roles")
    assert "Follow [store_rejoin](store_rejoin.md) with `back_to`: the digest that `/version` names" in page


def test_an_undo_may_need_what_the_runbook_was_given_and_its_page_says_when_it_undoes_nothing(
    book: Path, spoil: Spoil
) -> None:
    candidate = next(iter(read_meta(book / PLAYBOOK, book).options))
    spoil(
        "playbooks/store_rejoin.meta.yml",
        "      store_rejoin_host:",
        "      back_to:\n        type: str\n      store_rejoin_host:",
    )
    spoil(META, UNDO, f"{UNDO}      inputs: {{back_to: {candidate}}}\n      unless: {{{candidate}: none}}\n")
    assert contract_errors(book) == []
    page = render_page(book / PLAYBOOK, book / "roles")
    assert "Follow [store_rejoin](store_rejoin.md) with `back_to`: as it was here." in page
    assert f"It undoes nothing where `{candidate}` was `none`." in page


def test_a_module_nobody_can_type_needs_a_command(book: Path, spoil: Spoil) -> None:
    spoil("roles/store/tasks/twist.yml", "# By hand: sudo store-twist", "# sudo store-twist")
    spoil("roles/store/tasks/twist.yml", "# By hand (on the load balancer)", "# On the load balancer")
    first = check_all(book)[0]
    assert first.where == "roles/store/tasks/twist.yml:7"
    assert "no command for a person" in first.because
    assert first.hint == "add a '# By hand:' comment directly above the task"


@pytest.mark.parametrize(
    ("path", "old", "new", "where"),
    [
        ("roles/store/tasks/stop.yml", "# Proof: s", "# s", "roles/store/tasks/stop.yml:3"),
        ("roles/fence/tasks/open.yml", "# Proof: none, because", "# Proof: none; ", "roles/fence/tasks/open.yml:3"),
        (PLAYBOOK, "tasks_from: confirm_closed", "tasks_from: close", "roles/fence/tasks/close.yml:3"),
        (
            "roles/store/tasks/look.yml",
            "  changed_when: false\n\n- name: Refuse a store that is no standby\n  ansible.builtin.assert:",
            "\n- name: Say so\n  ansible.builtin.debug:",
            "roles/store/tasks/look.yml:3",
        ),
    ],
)
def test_a_change_that_nothing_proves_is_reported(  # noqa: PLR0913, PLR0917 a table of cases
    book: Path, spoil: Spoil, path: str, old: str, new: str, where: str
) -> None:
    spoil(path, old, new)
    unproved = [flaw.where for flaw in check_all(book) if "nothing after it" in flaw.because]
    assert unproved == [where]


def test_a_proof_that_only_runs_after_a_failure_proves_nothing(book: Path, spoil: Spoil) -> None:
    start = "        - name: Prove that it is silent\n"
    text = (book / PLAYBOOK).read_text(encoding="utf-8")
    spoil(PLAYBOOK, text[text.index(start) : text.index("      rescue:")], "")
    assert next(flaw.where for flaw in check_all(book)) == "roles/fence/tasks/close.yml:3"
