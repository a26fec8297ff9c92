"""A page says in words what a playbook says in expressions."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from drills.pages import render_page
from drills.pages.filling import Filling, Glossary
from drills.pages.playbook import read_runbook
from drills.pages.speech import speak
from drills.pages.wording import has_words, in_words

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "runbooks").glob("*.md"))
Spoil = Callable[[str, str, str], None]

PLAYBOOK = "playbooks/store_failover.yml"
LOOK = "roles/store/tasks/look.yml"
FENCE = "    # The load balancer needs no word from the dead host.\n"


def page_of(book: Path) -> str:
    return render_page(book / PLAYBOOK, book / "roles")


def test_no_page_shows_what_only_ansible_reads() -> None:
    """The one over the repository: a person at 3 a.m. fills in names, and reads no expressions."""
    raw = re.compile(
        r"<'|<[^<>`]* if [^<>`]* else [^<>`]*>|<[^<>`\n]*[|(][^<>`\n]*>|hostvars|\b__\w|ansible_failed_result"
    )
    found = []
    for page in PAGES:
        words = re.sub(r"```sh\n.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        found += [f"{page.name}: {line}" for line in words.splitlines() if raw.search(line)]
    assert PAGES
    assert found == []


def test_no_command_of_a_page_has_a_part_that_nobody_can_fill_in() -> None:
    fences = [
        f"{page.name}: {fence}"
        for page in PAGES
        for fence in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]
    assert [fence for fence in fences if "<…>" in fence or re.search(r"<[^<>\n]*(?: if |\|)[^<>\n]*>", fence)] == []


def test_no_page_leaves_a_part_of_a_message_out() -> None:
    texts = {page.name: page.read_text(encoding="utf-8").replace("{% … %}", "").replace("<…>", "") for page in PAGES}
    assert [name for name, text in texts.items() if "…" in text] == []


@pytest.mark.parametrize("playbook", sorted((ROOT / "playbooks").glob("*.meta.yml")), ids=lambda file: file.stem)
def test_every_explanation_is_a_sentence_about_a_name(playbook: Path) -> None:
    runbook = read_runbook(playbook.with_name(playbook.name.replace(".meta", "")), ROOT / "roles")
    told = [remark for task in runbook.tasks() for remark in task.remarks.below]
    assert [remark for remark in told if not re.match(r"(<?[\w.]+>?|the event) (is|are) ", remark)] == []


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("a", "<a>"),
        ("a.b['c'][0]", "<a.b['c'][0]>"),
        ("'gone back to ' ~ a ~ '.'", "gone back to <a>."),
        ("'up' if a else 'down'", "up or down"),
        ("'it is up' if a else 'it is down' if b else ''", "it is up, or it is down"),
        ("[] if a else b", "<b>"),
        ("a or 'nobody'", "<a> or nobody"),
        ("a | default('x') | list | join(', ')", "<a>"),
        ("a | first", "the first of <a>"),
        ("'sha256:' ~ a | first", "sha256:<a>"),
        ("[a, 'b'] | flatten", "<a>, b"),
        ("a | product(b) | list", "<a> with each of <b>"),
        ("a | difference([b])", "<a> without <b>"),
        ("groups['g'] | map('extract', hostvars) | map(attribute='fact', default='') | select | list", "<fact>"),
        ("a | map(attribute='b')", "<…>"),
        ("a | select('odd')", "<…>"),
        ("'it is ' ~ (a | sum)", "it is <…>"),
        ("a + 1", "<…>"),
        ("a b", "<…>"),
    ],
)
def test_an_expression_is_told_by_its_texts_and_names(expression: str, words: str) -> None:
    assert speak(expression, lambda name: f"<{name}>") == words


@pytest.mark.parametrize(
    ("text", "filled", "row"),
    [
        ("{{ ansible_failed_result.msg | default('it failed') }}", "<the error>", "what the step that failed said"),
        ("{{ ansible_play_hosts | join(', ') }}", "<hosts of this phase>", "the hosts of the phase, by name"),
        ("{{ lookup('ansible.builtin.env', 'USER') }}", "<your USER>", "what `echo $USER` prints where you are"),
        ("{{ ports[__colour] }}", "<port of colour>", "`1` for `blue`, `2` for `green`"),
        ("{{ hostvars[groups['a'] | first].__release }}", "<release>", "worked out"),
        ("{{ hostvars[groups['a'] | first].__release.hosts }}", "<release.hosts>", "worked out"),
        ("{{ __release }}", "<release>", "worked out"),
        ("{{ refused | join('; ') }}", "<refusal>", "what went wrong"),
        ("{{ __hex }}", "<hex>", "the digits"),
        ("{{ alias }}", "<alias>", "another name"),
        ("{{ groups['a'] }}", "<hosts of a>", "all members"),
        ("{{ toilsome }}", "<toilsome>", None),
        ("{{ 'a' if b else 'c' }}", "a or c", None),
    ],
)
def test_a_row_of_the_table_says_more_than_the_expression(text: str, filled: str, row: str | None) -> None:
    scope: dict[str, object] = {
        "ports": {"blue": 1, "green": 2},
        "toilsome": "{{ a | sum }}",
        "alias": "{{ __release }}",
        "__hex": "{{ a | replace('b', 'c') }}",
        "refused": "{{ groups['a'] | map('extract', hostvars) | map(attribute='refusal') | list }}",
    }
    told = {"hex": "the digits", "refusal": "what went wrong", "alias": "another name", "a": "all members"}
    glossary = Glossary({}, {}, {"__release": "worked out"}, told)
    assert Filling(scope, glossary).fill(text) == filled
    assert glossary.used.get(filled.strip("<>")) == row


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("x | length > 0", "`x` is not empty"),
        ("x | length == 0", "`x` is empty"),
        ("x == ''", "`x` is empty"),
        ('x == "on"', "`x` is `on`"),
        ("not r.unreachable | default(false)", "“Look” succeeded"),
        ("not r.stat.exists", "“Look” found nothing"),
        ("r.stat.size | default(0) < 1", "“Look” found an empty file"),
        ("r.json.digest | default('') == y", "`digest` in the output of “Look” is `y`"),
        ("r.query_result[0].n | int >= y | int", "`n` in the output of “Look” is at least `y`"),
    ],
)
def test_common_conditions_have_words(condition: str, words: str) -> None:
    assert has_words(condition)
    assert in_words(condition, {"r": "“Look”"}) == words


def test_a_condition_without_words_is_told_by_the_message(book: Path, spoil: Spoil) -> None:
    spoil(LOOK, "__store_recovery.stdout == 't'", "__store_recovery.stdout is match('^t$')")
    page = page_of(book)
    assert "**Stop if:** This store is a primary already." in page
    assert "match" not in page


def test_the_author_may_say_when_to_stop_and_when_to_act(book: Path, spoil: Spoil) -> None:
    spoil(LOOK, "- name: Refuse a", "# Stop if: port {{ store_port }} is a primary's\n- name: Refuse a")
    spoil(PLAYBOOK, FENCE, "    # Only when: <store_failover_candidate> is\n    #   far behind\n")
    spoil(PLAYBOOK, "      vars:\n        fence_port", "      when: a | sum > 1\n      vars:\n        fence_port")
    page = page_of(book)
    assert "**Stop if** port 5432 is a primary's: This store is a primary already." in page
    assert "\nOnly when `<store_failover_candidate>` is far behind.\n" in page


def test_a_look_without_words_is_told_by_its_proof(book: Path, spoil: Spoil) -> None:
    until = "until: __store_promoted.rc == 0 and __store_promoted.stdout == 'f'"
    spoil("roles/store/tasks/promote.yml", until, "until: __store_promoted | sum > 1\n  failed_when: a | sum > 1")
    start = "- name: Wait until the store takes writes"
    spoil("roles/store/tasks/promote.yml", start, f"# Proof: it prints f,\n#   and no t\n{start}")
    page = page_of(book)
    assert "Repeat until you see what proves it (at most 30 times, 1 s apart)." in page
    assert "**Stop if** you do not see what proves it." in page
    assert "**Proof:** it prints f, and no t\n" in page


def test_what_is_told_once_is_told_once(book: Path, spoil: Spoil) -> None:
    text = (book / PLAYBOOK).read_text(encoding="utf-8")
    look = text[text.index("    - name: Look at the standby\n") : text.index("\n# Nothing is lost")]
    spoil(PLAYBOOK, look, look + look.replace("Look at", "Look again at"))
    page = page_of(book)
    assert page.count("This store is a primary already.") == 2  # in the step, and before you start
    assert "As in step [1.2](#12-look-at-the-standby)." in page


def test_a_step_without_hands_has_no_conditions_loops_or_rows(book: Path, spoil: Spoil) -> None:
    spoil(
        "roles/store/tasks/configure.yml",
        "- name: Make the folders",
        "# By hand: nothing, because\n#   it is there\n- name: Sort\n"
        "  ansible.builtin.add_host: {name: '{{ item }}', groups: up}\n"
        "  loop: '{{ [] if done else store_hosts }}'\n  when: more | sum > 1\n\n- name: Make the folders",
    )
    page = page_of(book)
    step = page[page.index("] Sort") : page.index("] Make the folders")]
    assert [line.strip() for line in step.splitlines()[1:] if line.strip(" -[")] == [
        "Nothing to type, because it is there"
    ]
    assert "store_hosts" not in page


def test_the_author_explains_names_and_groups(book: Path, spoil: Spoil) -> None:
    fact = "- name: Remember the new timeline"
    spoil("roles/store/tasks/promote.yml", fact, f"# Below: <store_timeline> is how far it is.\n{fact}")
    spoil(
        PLAYBOOK,
        "    - name: Look at the standby",
        "    # Below: database are all members\n    - name: Look at the standby",
    )
    page = page_of(book)
    assert "| `<store_timeline>` | how far it is |" in page
    assert "  Below, `<store_timeline>` is how far it is.\n" in page
    assert "\nBelow, `database` are all members.\n" in page
    assert "\nOn `database` (all members) except `<store_failover_candidate>`. " in page
    assert "stdout | length" not in page


def test_a_fact_without_words_is_told_by_where_it_comes_from(book: Path) -> None:
    page = page_of(book)
    assert "Work out `<store_timeline>` from the output of “Wait until the store takes writes”." in page


def test_a_loop_without_words_is_not_shown(book: Path, spoil: Spoil) -> None:
    spoil("roles/store/tasks/configure.yml", '"{{ store_folders }}"', '"{{ a | zip(b) | list }}"')
    page = page_of(book)
    assert "Once for each of" not in page
    assert "sudo install -d -o postgres -m 0700 <item>" in page


def test_what_hosts_fall_back_to_is_no_host(book: Path, spoil: Spoil) -> None:
    spoil(PLAYBOOK, "{{ store_failover_candidate | default([]) }}", "{{ store_failover_candidate or 'no_host' }}")
    assert "\nOn `<store_failover_candidate>`.\n" in page_of(book)
