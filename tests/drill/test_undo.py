"""What is undone after a story, and with which inputs: two restores are two things to undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drills.cure import Cure, outstanding
from drills.runbook import load_runbook
from drills.undo import undo_of, undone_by
from tests.drill.conftest import PlayedFault

if TYPE_CHECKING:
    from drills.scenario import Drill
    from tests.drill.conftest import Stage

HOST, CLUSTER = "backup_restore_host", "backup_restore_cluster"


def never(fact: str) -> str:
    raise AssertionError(f"{fact} was looked up")


def test_each_restored_cluster_is_removed_where_it_was_made(stage: Stage) -> None:
    def story(drill: Drill) -> None:
        drill.follow("backup_restore", backup_restore_host="db1")
        drill.follow("backup_restore", backup_restore_host="db2", backup_restore_cluster="trial")
        drill.follow("backup_restore", backup_restore_host="db1", backup_restore_type="manifest")

    stage.perform(story)
    assert stage.happened == ["backup_restore"] * 3 + ["cure-backup_drop"] * 2
    assert stage.inputs[3:] == [{HOST: "db1", CLUSTER: "restored"}, {HOST: "db2", CLUSTER: "trial"}]


def test_a_cluster_that_the_story_removed_is_not_removed_again_and_another_is(stage: Stage) -> None:
    def story(drill: Drill) -> None:
        drill.follow("backup_restore", backup_restore_host="db1")
        drill.follow("backup_restore", backup_restore_host="db2")
        drill.follow("backup_drop", backup_restore_host="db1")

    stage.perform(story)
    assert stage.happened[3:] == ["cure-backup_drop"]
    assert stage.inputs[-1] == {HOST: "db2", CLUSTER: "restored"}
    assert outstanding(stage.journal().entries) == []


def test_a_restore_that_failed_is_cleared_away(stage: Stage) -> None:
    stage.exit_codes["backup_restore"] = 2
    stage.perform(lambda drill: drill.follow("backup_restore", backup_restore_host="db1"))
    assert stage.happened == ["backup_restore", "cure-backup_drop"]


def test_what_was_restored_in_place_is_never_dropped(stage: Stage) -> None:
    stage.perform(
        lambda drill: drill.follow("backup_restore", backup_restore_host="db1", backup_restore_cluster="main")
    )
    assert stage.happened == ["backup_restore"]


def test_of_two_deploys_the_first_knows_what_was_live_before_both() -> None:
    deploy = load_runbook("deploy")
    cure = undo_of(deploy, {"release_digest": "new"}, [], lambda _: "old")
    assert cure is not None
    assert cure.variables == {"release_digest": "old"}
    assert undo_of(deploy, {"release_digest": "newer"}, [cure], never) is None


@pytest.mark.parametrize(
    ("given", "undone"), [({}, True), ({"release_digest": "old"}, True), ({"release_digest": "x"}, False)]
)
def test_a_rollback_to_another_release_than_the_one_before_undoes_nothing(given: dict[str, str], undone: bool) -> None:  # noqa: FBT001
    cure = undo_of(load_runbook("deploy"), {}, [], lambda _: "old")
    assert cure is not None
    assert bool(undone_by(load_runbook("rollback"), given, [cure])) is undone


class Swapped(PlayedFault):
    """A fault whose cure is what a runbook does."""

    def cure(self) -> Cure:
        return Cure("go back", "playbooks/rollback.yml", None, "fault Swapped db1", {"release_digest": "old"})


@pytest.mark.parametrize(
    ("followed", "cured"), [({"release_digest": "old"}, []), ({"release_digest": "x"}, ["cure-rollback"])]
)
def test_a_fault_that_the_storys_own_runbook_has_put_right_is_not_cured_again(
    stage: Stage, followed: dict[str, str], cured: list[str]
) -> None:
    def story(drill: Drill) -> None:
        drill.inject(Swapped(stage, stage.site["db1"]))
        drill.follow("rollback", **followed)

    stage.perform(story)
    assert stage.happened == ["harm db1", "rollback", *cured]
    assert outstanding(stage.journal().entries) == []
