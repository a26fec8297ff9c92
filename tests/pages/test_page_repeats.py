"""What is done twice is printed once, and a page never sends anybody to other commands than those that run."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from drills.pages import render_page
from drills.pages.filling import Glossary
from drills.pages.line import Line, Phase, anchor
from drills.pages.playbook import read_runbook
from drills.pages.repeats import once
from drills.pages.results import explained, results
from drills.pages.steps import Writer

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "runbooks").glob("*.md"))
PLAYBOOKS = sorted(file.with_name(f"{file.name.split('.')[0]}.yml") for file in ROOT.glob("playbooks/*.meta.yml"))
META = {"short_description": "Try", "argument_specs": {"trial": {"options": {}}}}
SWITCH = """\
- name: Stop
  ansible.builtin.command: stop {{ seat }}
- name: Start
  ansible.builtin.command: start {{ seat }} as {{ login.user }}
- name: Look
  ansible.builtin.command: look
"""
MORE = "- name: More\n  ansible.builtin.command: more"
Page = Callable[..., str]


@pytest.fixture
def trial(tmp_path: Path) -> Page:
    """The page of a playbook with these plays; roles/seat has the verbs `switch` and `both`."""
    for name, text in {
        "playbooks/trial.meta.yml": yaml.safe_dump(META),
        "roles/seat/tasks/switch.yml": SWITCH,
        "roles/seat/tasks/both.yml": f"- name: The seat\n  ansible.builtin.include_tasks: switch.yml\n{MORE}\n",
        "roles/seat/defaults/main.yml": "seat: aisle\n",
        "roles/seat/handlers/main.yml": "- name: Tell\n  ansible.builtin.command: tell\n",
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def page(plays: str, verb: str = SWITCH) -> str:
        (tmp_path / "roles/seat/tasks/switch.yml").write_text(verb, encoding="utf-8")
        (tmp_path / "playbooks/trial.yml").write_text(plays, encoding="utf-8")
        return render_page(tmp_path / "playbooks/trial.yml", tmp_path / "roles")

    return page


def indented(*tasks: str) -> str:
    return "".join(f"    {line}\n" for task in tasks for line in task.splitlines())


def play(*tasks: str, hosts: str = "all", name: str = "Try") -> str:
    return f"- name: {name}\n  hosts: {hosts}\n  tasks:\n{indented(*tasks)}"


def switch(name: str, more: str = "") -> str:
    return f"- name: {name}\n  ansible.builtin.include_role: {{name: seat, tasks_from: switch}}\n{more}"


def block(name: str, *tasks: str, more: str = "") -> str:
    return f"- name: {name}\n{more}  block:\n{indented(*tasks)}"


def test_steps_that_were_printed_before_are_one_line_that_says_where(trial: Page) -> None:
    page = trial(play(switch("Switch"), switch("Switch back")))
    assert page.count("stop aisle") == 1
    again = page[page.index("### 1.2 Switch back") : page.index("## Undo")]
    assert "\nDo the steps under [1.1](#11-switch) “Switch”.\n" in again
    assert "- [ ]" not in again


def test_a_part_of_a_step_is_found_by_its_label(trial: Page) -> None:
    page = trial(play(block("Begin", switch("Switch")), block("End", switch("Switch"), switch("And again"))))
    assert page.count("stop aisle") == 1
    assert "- [ ] **1.1a** Switch · " in page
    assert "  Do the steps under [1.1a](#11-begin).\n" in page
    assert "  Do the steps under [1.1a](#11-begin) “Switch”.\n" in page


def test_labels_follow_the_order_of_the_page(trial: Page) -> None:
    both = switch("Both").replace("switch}", "both}")
    page = trial(play(block("Begin", both), block("Middle", switch("Switch")), block("End", both, MORE)))
    assert page.index("**1.1a** Both") < page.index("**1.1b** The seat")
    assert page.index("under [1.1b](#11-begin)") < page.index("under [1.1a](#11-begin)")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("", "  vars: {seat: window}\n"),
        ("  vars: {login: '{{ day }}'}\n", "  vars: {login: '{{ night }}'}\n"),
        ("  vars: {who: '{{ day }}', login: '{{ who }}'}\n", "  vars: {who: '{{ night }}', login: '{{ who }}'}\n"),
        ("", "  become: true\n"),
        ("", "  delegate_to: localhost\n"),
    ],
    ids=["another command", "another meaning", "another meaning of its meaning", "as another user", "elsewhere"],
)
def test_steps_with_other_commands_are_printed_again(trial: Page, first: str, second: str) -> None:
    """The one that matters: the file is the same, what a person must type is not."""
    page = trial(play(block("Begin", switch("Switch"), more=first), block("End", switch("Switch"), more=second)))
    assert page.count("] Stop · ") == 2
    assert "Do the steps under" not in page


def test_steps_that_were_given_other_variables_are_printed_again(trial: Page) -> None:
    """Which the page may not show; what is printed under "let them in" does not serve for "keep them out"."""
    page = trial(play(switch("Let in", "  vars: {door: open}\n"), switch("Keep out", "  vars: {door: shut}\n")))
    assert page.count("] Stop · ") == 2


def test_steps_for_other_hosts_are_printed_again(trial: Page) -> None:
    """`<this host>` is another one there, also where the command is typed on the same machine."""
    steps = block("Switch", switch("Switch"), more="  delegate_to: localhost\n")
    page = trial(play(steps) + play(steps, hosts="other", name="Again"))
    assert page.count("] Stop · ") == 2
    assert trial(play(steps) + play(steps, name="Again")).count("] Stop · ") == 1


def test_steps_that_end_with_their_phase_are_printed_again_in_another_phase(trial: Page) -> None:
    steps = block("Switch", switch("Switch"))
    text = SWITCH.replace("as {{ login.user }}", "\n  notify: Tell")
    page = trial(play(steps) + play(steps, name="Again"), text)
    assert page.count("at the end of this phase") == 2
    assert trial(play(steps, steps), text).count("at the end of this phase") == 1


def test_steps_without_words_are_printed_again(trial: Page) -> None:
    """What stands there may be another thing each time."""
    text = SWITCH.replace("login.user", "lookup('file', login)")
    assert trial(play(switch("Switch"), switch("Switch back")), text).count("] Stop · ") == 2


def test_few_commands_are_printed_again(trial: Page) -> None:
    text = SWITCH[: SWITCH.index("- name: Look")]
    assert trial(play(switch("Switch"), switch("Switch back")), text).count("] Stop · ") == 2


@pytest.mark.parametrize(
    ("where", "told"),
    [
        (block("Begin", switch("Switch", "  when: moon\n")), ", even if 1.1a itself is not to be done."),
        (block("Begin", switch("Switch"), more="  when: moon\n"), ", even if 1.1a itself is not to be done."),
        (block("Begin", switch("Switch"), more="  run_once: true\n"), ", even if 1.1a itself is not to be done."),
        (block("Begin", MORE) + "  rescue:\n" + indented(switch("Switch")), ", even if 1.1a itself is not to be done."),
        (block("Begin", switch("Switch")), "."),
    ],
)
def test_conditions_of_the_other_place_do_not_count(trial: Page, where: str, told: str) -> None:
    page = trial(play(where, block("End", switch("Switch"), MORE)))
    assert f"Do the steps under [1.1a](#11-begin){told}\n" in page


def test_the_own_condition_is_kept(trial: Page) -> None:
    page = trial(play(switch("Switch"), switch("Switch back", "  when: moon\n  loop: [a, b]\n")))
    again = page[page.index("### 1.2 Switch back") : page.index("## Undo")]
    assert "Only when `moon` is true.\n\nOnce for each of `a`, `b`.\n" in again


def test_a_long_page_has_a_table_of_its_steps(trial: Page) -> None:
    steps = [f"- name: Look {number}\n  ansible.builtin.command: look" for number in range(10)]
    assert "| phase | step | only when |" not in trial(play(*steps))
    steps.append(
        "# Only when: the moon|sun shines\n- name: Look at `it`\n  ansible.builtin.command: look\n  when: moon"
    )
    page = trial(play(*steps))
    assert " · [the steps by hand](#by-hand)\n" in page
    assert "\n| [1. Try](#1-try) | [1.1 Look 0](#11-look-0) |  |\n" in page
    assert "\n|  | [1.11 Look at `it`](#111-look-at-it) | the moon\\|sun shines |\n" in page


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        ("2.1 Change the webhook secret", "21-change-the-webhook-secret"),
        ("5.3 Lead, or follow the new leader `<db_leader>`", "53-lead-or-follow-the-new-leader-db_leader"),
        ("1. See what's up: now", "1-see-whats-up-now"),
    ],
)
def test_a_heading_is_found_as_github_names_it(heading: str, told: str) -> None:
    assert anchor(heading) == told


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_every_link_within_a_page_leads_to_one_heading(file: Path) -> None:
    text = re.sub(r"```sh\n.*?```", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    anchors = [anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    links = re.findall(r"\]\(#([^)]*)\)", text)
    assert [link for link in links if anchors.count(link) != 1] == []


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_what_a_page_refers_to_stands_there_and_comes_before(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for found in re.finditer(r"Do the steps under \[(\S+)\]\(#(\S+)\)", text):
        label, link = found.groups()
        number = re.split("[a-z]", label)[0]
        sections = re.split(r"^(?=### )", text[: found.start()], flags=re.MULTILINE)
        there = [section for section in sections if section.startswith(f"### {number} ")]
        assert [anchor(section.splitlines()[0].removeprefix("### ")) for section in there] == [link]
        assert number == label or there[0].count(f"- [ ] **{label}** ") == 1


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda file: file.stem)
def test_who_follows_every_reference_does_what_the_playbook_does(playbook: Path) -> None:
    """The one over the repository: with all references followed, nothing is left out and nothing is another."""
    phases = written(playbook)
    shortened = once(phases)
    followed = Follower()
    for phase, short in zip(phases, shortened, strict=True):
        for step, brief in zip(phase.steps, short.steps, strict=True):
            assert followed.whole(brief.line, brief.number) == bare(step.line)


class Follower:
    """Puts the steps that a page refers to in place of the reference; it knows what stood above."""

    def __init__(self) -> None:
        self.places: dict[str, tuple[Line, ...]] = {}

    def whole(self, line: Line, label: str) -> Line:
        inside = (
            self.places[line.same.label] if line.same else tuple(self.whole(each, each.label) for each in line.inside)
        )
        if label:
            self.places[label] = inside
        return replace(line, inside=inside, label="", same=None, ends=() if line.refuses else line.ends)


def bare(line: Line) -> Line:
    """A line without its reasons to stop, which are told once."""
    inside = tuple(map(bare, line.inside))
    return replace(line, inside=inside, ends=() if line.refuses else line.ends)


def written(playbook: Path) -> list[Phase]:
    """The phases of a runbook, with nothing left out."""
    runbook = read_runbook(playbook, ROOT / "roles")
    registered, facts = results(runbook)
    writer = Writer({}, Glossary({}, runbook.meanings, facts, explained(runbook)), registered)
    return [writer.phase(number, play) for number, play in enumerate(runbook.plays, 1)]
