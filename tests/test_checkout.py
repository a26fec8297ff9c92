"""Where runbooks are looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drills import checkout
from drills.errors import UsageError
from drills.runbook import load_runbook

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runbooks that is not the repository's."""
    monkeypatch.setenv("DRILLBOOK_PLAYBOOKS", f":{tmp_path / 'nowhere'}:{tmp_path}")
    for name in ("store_failover", "db_failover"):
        (tmp_path / f"{name}.yml").write_text("---\n- hosts: all\n")
        spec = f"argument_specs: {{{name}: {{options: {{}}, undo: {{none: it does nothing}}}}}}"
        (tmp_path / f"{name}.meta.yml").write_text(f"---\nshort_description: Ours\n{spec}\n")
    return tmp_path


def test_a_runbook_may_be_in_a_folder_of_ones_own(own: Path) -> None:
    runbook = load_runbook("store_failover")
    assert runbook.playbook == own / "store_failover.yml"
    assert runbook.meta.title == "Ours"
    assert checkout.relative(runbook.playbook) == str(own / "store_failover.yml")


@pytest.mark.usefixtures("own")
def test_no_other_folder_takes_the_place_of_the_repositorys_runbooks() -> None:
    assert load_runbook("db_failover").playbook == checkout.ROOT / "playbooks" / "db_failover.yml"


@pytest.mark.usefixtures("own")
def test_a_runbook_that_is_close_is_named_wherever_it_is() -> None:
    with pytest.raises(UsageError) as missing:
        load_runbook("store_failovr")
    assert "store_failover" in missing.value.hint
