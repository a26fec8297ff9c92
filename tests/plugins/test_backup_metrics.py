"""What the metrics say of backups and of the archiver."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import pytest

from drills import checkout

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

FILE = checkout.ROOT / "roles" / "backup" / "files" / "backup_metrics.py"


@pytest.fixture(scope="module")
def metrics() -> ModuleType:
    spec = importlib.util.spec_from_file_location("backup_metrics", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def backup(kind: str, repository: int, stop: int) -> dict[str, Any]:
    return {
        "type": kind,
        "database": {"repo-key": repository},
        "timestamp": {"start": stop - 5, "stop": stop},
        "info": {"size": 1000 + stop},
    }


INFO = {
    "repo": [{"key": 1, "status": {"code": 0}}, {"key": 2, "status": {"code": 99}}],
    "backup": [backup("full", 1, 100), backup("incr", 1, 200), backup("full", 1, 300), backup("full", 2, 50)],
}


def test_a_repository_that_cannot_serve_is_not_ok(metrics: ModuleType) -> None:
    told = list(metrics.backups("main", INFO))
    assert 'drillbook_backup_repository_ok{stanza="main",repository="1"} 1' in told
    assert 'drillbook_backup_repository_ok{stanza="main",repository="2"} 0' in told


def test_the_newest_backup_of_each_type_is_told(metrics: ModuleType) -> None:
    told = [line for line in metrics.backups("main", INFO) if line.startswith("drillbook_backup_newest_timestamp")]
    assert told == [
        'drillbook_backup_newest_timestamp_seconds{stanza="main",repository="1",type="full"} 300',
        'drillbook_backup_newest_timestamp_seconds{stanza="main",repository="1",type="incr"} 200',
        'drillbook_backup_newest_timestamp_seconds{stanza="main",repository="2",type="full"} 50',
    ]


def test_the_file_explains_each_metric_once(metrics: ModuleType) -> None:
    told = metrics.document([*metrics.backups("main", INFO), *metrics.archiver({"failed_total": 3})]).splitlines()
    assert told.count("# TYPE drillbook_backup_repository_ok gauge") == 1
    assert told[-2:] == ["# TYPE drillbook_archiver_failed_total counter", "drillbook_archiver_failed_total{} 3"]


def test_a_command_that_fails_leaves_the_metrics_out_and_not_at_zero(
    metrics: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "ask", lambda *_: None)
    metrics.main("main", tmp_path / "backup.prom", "archiver")
    told = (tmp_path / "backup.prom").read_text()
    assert "archiver" not in told
    assert "drillbook_backup_metrics_written_timestamp_seconds{} " in told
