"""What a task does becomes what a person types."""

from pathlib import Path

import pytest
import yaml

from drills.pages import render_page
from drills.pages.filling import Filling, Glossary
from drills.pages.wording import in_words

META = {
    "short_description": "Try",
    "description": "Tries.",
    "argument_specs": {
        "trial": {
            "use_when": ["You try."],
            "not_when": ["You do not."],
            "undo": {"none": "It is a trial."},
            "options": {"trial_host": {"type": "str", "required": True, "description": "Where to try."}},
            "examples": "ansible-playbook playbooks/trial.yml",
        }
    },
}


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "roles").mkdir()
    (tmp_path / "playbooks/trial.meta.yml").write_text(yaml.safe_dump(META), encoding="utf-8")
    return tmp_path / "playbooks/trial.yml"


def page_of(trial: Path, tasks: str) -> str:
    indented = "".join(f"    {line}\n" for line in tasks.splitlines())
    trial.write_text(f"- name: Try\n  hosts: all\n  tasks:\n{indented}", encoding="utf-8")
    return render_page(trial, trial.parent.parent / "roles")


def typed(page: str) -> list[str]:
    blocks = page.split("```sh\n")[2:]
    return ["\n".join(line[2:] for line in block.split("```")[0].rstrip().split("\n")) for block in blocks]


@pytest.mark.parametrize(
    ("task", "command"),
    [
        ("command: {argv: [a, b c]}", "a 'b c'"),
        ("command: {cmd: make, chdir: /srv, creates: /srv/x}", "cd /srv && test -e /srv/x || make"),
        ("shell: {cmd: 'a | b'}", "a | b"),
        ("shell: {cmd: 'a | b'}\nbecome: true", "sudo sh <<'EOF'\na | b\nEOF"),
        ("command: id\nbecome: true\nbecome_user: app", "sudo -u app id"),
        ("command: id\nenvironment: {LANG: C}", "env LANG=C id"),
        (
            "systemd_service: {name: x, state: restarted, daemon_reload: true}",
            "systemctl daemon-reload\nsystemctl restart x",
        ),
        ("service: {name: x, enabled: true, state: started}", "systemctl enable x\nsystemctl start x"),
        ("file: {path: /x, state: absent}\nbecome: true", "sudo rm -rf /x"),
        ("file: {path: /x, owner: a, group: b, mode: '0600'}", "chown a:b /x\nchmod 0600 /x"),
        ("file: {path: /x, src: /y, state: link}", "ln -sfn /y /x"),
        ("copy: {dest: /x, content: 'on', mode: '0600'}", "install -m 0600 /dev/stdin /x <<'EOF'\non\nEOF"),
        ("copy: {dest: /x, content: EOF}", "tee /x >/dev/null <<'END_OF_FILE'\nEOF\nEND_OF_FILE"),
        ("copy: {dest: /x, src: /y, remote_src: true}", "cp -a /y /x"),
        ("apt: {name: [a, b], update_cache: true}", "apt-get update\napt-get install -y a b"),
        ("apt: {name: a, state: absent}", "apt-get remove -y a"),
        ("get_url: {url: 'http://a/b', dest: /b}", "curl -fsSL -o /b http://a/b"),
        (
            "uri: {url: 'http://a/b', method: POST, body: {k: 1}, body_format: json}",
            "curl -fsS -X POST --json '{\"k\": 1}' http://a/b",
        ),
        ("wait_for: {port: 22, host: a, timeout: 9}", "until nc -z -w 1 a 22; do sleep 1; done   # give up after 9 s"),
        ("wait_for: {path: /x, state: absent}", "while test -e /x; do sleep 1; done   # give up after 300 s"),
        ("pause: {seconds: 3}", "sleep 3"),
        ("stat: {path: /x}", "stat /x"),
        ("slurp: {src: /x}", "cat /x"),
        ("ping:", "true   # that you can log in is the answer"),
        ("reboot:\nbecome: true", "sudo systemctl reboot"),
        (
            "community.postgresql.postgresql_query: {login_db: d, query: \"SELECT 'x'\"}",
            "psql -d d -c \"SELECT 'x'\"",
        ),
        (
            "community.postgresql.postgresql_query: {query: '%s, %(a)s', positional_args: [1], named_args: {a: b}}",
            "psql -c \"1, 'b'\"",
        ),
        (
            "community.postgresql.postgresql_set: {name: work_mem, value: 1MB}",
            "psql -c \"ALTER SYSTEM SET work_mem = '1MB'\"",
        ),
    ],
)
def test_a_module_becomes_its_command(trial: Path, task: str, command: str) -> None:
    module, *more = task.splitlines()
    name = module if module.startswith("community") else f"ansible.builtin.{module}"
    body = "\n".join(f"  {line}" for line in [name, *more])
    assert typed(page_of(trial, f"- name: Do\n{body}")) == [command]


def test_a_command_by_hand_wins_and_keeps_its_lines(trial: Path) -> None:
    page = page_of(
        trial,
        "# Why it is so.\n# By hand (on {{ trial_host }}): one \\\n#     --two\n# Proof: three => four\n"
        "- name: Do\n  ansible.builtin.command: id",
    )
    assert typed(page) == ["one \\\n  --two", "three"]
    assert "  Why it is so.\n\n  On `<trial_host>`:\n" in page
    assert "**Proof:** you see four" in page


def test_nothing_to_type_is_said_with_its_reason(trial: Path) -> None:
    page = page_of(trial, "# By hand: nothing, because it is there.\n- name: Do\n  ansible.builtin.command: id")
    assert typed(page) == []
    assert "Nothing to type: nothing, because it is there." not in page
    assert "Nothing to type, because it is there." in page


def test_groups_and_facts_are_told(trial: Path) -> None:
    page = page_of(
        trial,
        "- name: Sort\n  ansible.builtin.add_host: {name: '{{ item }}', groups: \"{{ 'up' if x else 'down' }}\"}\n"
        "  loop: [a, b]\n"
        "- name: Choose\n  ansible.builtin.set_fact: {chosen: '{{ fit | first }}'}\n  vars: {fit: '{{ up }}'}",
    )
    assert "Once for each of `a`, `b`." in page
    assert "From here on `<item>` is in up or down." in page
    assert "`<chosen>` is the first of `<up>`." in page


def test_an_input_is_a_placeholder_even_beside_a_default(trial: Path) -> None:
    page = page_of(trial, "- name: Do\n  ansible.builtin.command: ping {{ trial_host | default('x') }}")
    assert typed(page) == ["ping <trial_host>"]
    assert "| `<trial_host>` | Where to try. |" in page


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{ known }}", "value"),
        ("{{ known | upper }}-{{ deep }}", "VALUE-a value"),
        ("{{ unknown | default('x') }}", "x"),
        ("{{ unknown }}", "<unknown>"),
        ("{{ empty }}", "<empty>"),
        ("{{ __result.stdout }}", "<result>"),
        ("{{ chosen }}", "<chosen>"),
        ("{{ round }}", "<round>"),
        ("{{ hostvars[chosen].ansible_host }}", "<ansible_host of chosen>"),
        ("{{ unknown | join(', ') }}", "<unknown>"),
        ("{{ groups['database'] | first }}", "<first host of database>"),
        ("{{ lookup('file', 'x') }}", "<…>"),
        ("{{ toilsome }}", "<toilsome>"),
        ("{{ broken | no_such_filter }}", "<…>"),
        ("{% if known %}{{ known }}{% endif %}", "value"),
        ("{% for x in unknown %}{{ x }} {{ known }}{% endfor %}", "{% for x in unknown %}{{ x }} value{% endfor %}"),
    ],
)
def test_what_is_known_is_filled_in_and_the_rest_is_named(text: str, filled: str) -> None:
    scope: dict[str, object] = {
        "known": "value",
        "deep": "a {{ known }}",
        "empty": "",
        "round": "{{ round }}",
        "toilsome": "{{ groups['a'] | map('x') }}",
    }
    glossary = Glossary({"chosen": "Which."}, {}, {"__result": "what it printed"})
    assert Filling(scope, glossary).fill(text) == filled


def test_an_omitted_argument_is_left_out() -> None:
    filling = Filling({}, Glossary({}, {}, {}))
    assert filling.fill({"a": 1, "b": "{{ nothing | default(omit) }}"}) == {"a": 1}


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("a | bool", "`a` is true"),
        ("not a", "`a` is false"),
        (["a is defined", "b == 'c'"], "`a` is given and `b` is `c`"),
        ("a != b and c in d", "`a` is not `b` and `c` is among `d`"),
        ("a or b", "`a or b`"),
        ("r is succeeded", "this command succeeded"),
        ("r.rc == 0", "the exit code of this command is `0`"),
        ("inventory_hostname == __x", "this host is `x`"),
    ],
)
def test_conditions_are_told_in_words(condition: object, words: str) -> None:
    assert in_words(condition, {"r": "this command", "inventory_hostname": "this host"}) == words
