"""The figures of the bench of restores, from tasks and seconds as they might have been."""

from pathlib import Path

import pytest
import restore
from plain_restore import Backup
from restore_figures import GB, Step, fastest, floors, growth, sizes
from restore_phases import PhaseError, Restored, Verified, restored, verified

from drills import checkout
from drills.runbook import Task


def task(name: str, started: float, ended: float, outcome: str = "changed") -> Task:
    return Task("Restore", name, "backup1", "roles/backup/tasks/restore.yml:3", started, ended, outcome, "")


TASKS = [
    task("Check the inputs", 11.5, 11.6, "ok"),
    task("backup : Plan the restore from repository 1", 12.0, 13.5, "ok"),
    task("backup : Restore backup 20260101-000000F", 15.0, 23.0),
    task("backup : Start recovery", 24.0, 26.0),
    task("backup : Wait until it has recovered", 26.0, 27.0, "ok"),
]


def test_each_second_of_a_restore_belongs_to_one_phase() -> None:
    one = restored(TASKS, 10.0, 28.0)
    assert (one.total, one.start, one.plan, one.files, one.recovery) == (18.0, 1.5, 1.5, 8.0, 3.0)
    assert one.rest == pytest.approx(4.0)
    assert one.fixed == pytest.approx(7.0)


@pytest.mark.parametrize("lost", ["Plan the restore", "Restore backup", "Start recovery", "Wait until"])
def test_a_phase_without_its_task_is_no_figure(lost: str) -> None:
    left = [one for one in TASKS if lost not in one.task]
    with pytest.raises(PhaseError, match=lost):
        restored(left, 10.0, 28.0)


def test_a_skipped_task_did_nothing() -> None:
    with pytest.raises(PhaseError, match="Prove that the restored cluster is whole"):
        verified([task("backup : Prove that the restored cluster is whole", 1.0, 2.0, "skipped")], 0.0, 3.0)


def test_a_verification_is_its_checks_and_what_is_around_them() -> None:
    found = verified([task("backup : Prove that the restored cluster is whole", 1.0, 2.5, "ok")], 0.0, 3.0)
    assert (found.total, found.checks) == (3.0, 1.5)


@pytest.mark.parametrize(
    "name", ["Plan the restore from repository", "Restore backup", "Start recovery", "Wait until it"]
)
def test_the_role_still_has_the_tasks_that_are_timed(name: str) -> None:
    files = (checkout.ROOT / "roles" / "backup" / "tasks").glob("*.yml")
    assert any(f"- name: {name}" in file.read_text() for file in files)


def step(size: float, files: float) -> Step:
    one = Step(Backup("20260101-000000F", int(size * GB), int(size * GB / 4)), backing_up=20.0)
    one.restored = [Restored(files + 10, 2, 1, files, 3), Restored(files + 14, 2, 1, files + 4, 3)]
    one.verified = [Verified(8, 5)]
    one.from_bucket = [Restored(40, 2, 1, 30, 3)]
    one.plain = {1: [10.0, 14.0], 2: [5.0, 7.0], 4: [6.0, 8.0]}
    one.copied, one.copied_and_synced = [1.0], [3.0]
    return one


def test_growth_is_told_as_ratios_and_for_each_further_gb() -> None:
    _, line = growth([step(1, 8), step(2, 18)])
    assert line.split()[-8:] == ["x2.00", "x1.50", "x2.00", "x1.00", "10.0", "s", "10.0", "s"]


def test_one_size_does_not_grow() -> None:
    assert len(growth([step(1, 8)])) == 1


def test_each_size_says_how_much_it_is_and_how_long_it_takes() -> None:
    _, line = sizes([step(2, 18)])
    assert line.startswith("2.00 GB")
    assert line.split()[2:] == ["0.50", "GB", "30.0", "2.0", "1.0", "20.0", "3.0", "4.0", "15.0", "8.0", "5.0", "20.0"]


def test_the_playbook_is_compared_with_each_floor() -> None:
    lines = floors(step(2, 18))
    (best,) = [line for line in lines if "(best)" in line]
    assert best.startswith("pgbackrest, processes: 2")
    assert best.split()[-3:] == ["333", "5.00", "3.33"]  # 2 GB in 6 s; 30 s and 20 s against them
    assert next(line for line in lines if line.startswith("cp and sync")).split()[-2:] == ["10.00", "6.67"]


def test_the_playbook_is_not_its_own_floor() -> None:
    assert floors(step(2, 18))[1].split()[-1] == "67"


def test_more_processes_are_best_only_if_they_are_faster() -> None:
    assert fastest({4: [5.0], 2: [5.0], 1: [9.0]}) == 2


@pytest.mark.parametrize("words", [["2", "1"], ["0"], ["1", "1"]])
def test_sizes_that_do_not_ascend_are_refused(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["restore.py", "--sizes", *words])
    with pytest.raises(SystemExit):
        restore.main()


def test_it_refuses_when_the_lab_is_not_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRILLBOOK_HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["restore.py"])
    monkeypatch.setattr(restore, "INVENTORY", tmp_path)
    assert restore.main() == 1
    assert capsys.readouterr().err == "error: the lab is not up; nothing was measured\nHINT: drillbook lab up\n"
