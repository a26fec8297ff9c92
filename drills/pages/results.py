"""What only the run gives: what tasks register and work out, and what authors say of it."""

import re

from drills.pages.playbook import Runbook, walk


def results(runbook: Runbook) -> tuple[dict[str, str], dict[str, str]]:
    """What only the run gives: names for conditions, and meanings for the table of placeholders."""
    registered = {"inventory_hostname": "this host"}
    facts: dict[str, str] = {}
    for task in runbook.tasks():
        called = re.sub(r"{{\s*_*(.*?)\s*}}", r"<\1>", task.name)
        if name := task.keywords.get("register"):
            registered.setdefault(str(name), f"“{called}”")
            facts.setdefault(str(name), f"what “{called}” printed")
        if task.module == "set_fact":
            facts.update(dict.fromkeys(task.args, f"worked out in “{called}”"))
        if task.module == "add_host":
            given = (name for name in task.args if name not in {"name", "groups", "group"})
            facts = {**dict.fromkeys(given, f"given in “{called}”"), **facts}
    return registered, facts


def explained(runbook: Runbook) -> dict[str, str]:
    """What `# Below:` says of the names that this runbook works with."""
    told: dict[str, str] = {}
    for play in runbook.plays:
        told |= play.remarks.told
        for task in walk(play.tasks):
            told |= task.remarks.told
    return told
