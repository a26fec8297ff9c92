from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from drills.connection import Answer, UnreachableError
from drills.probes import Reading, View, cluster_absent
from drills.site import Host, Site

NONE = "ls: cannot access '/etc/postgresql/*/restored': No such file or directory\n"
DENIED = "ls: cannot access '/etc/postgresql/15/restored': Permission denied\n"


@dataclass
class Shell:
    answer: Answer | None

    def run(self, command: str, *, timeout: float) -> Answer:
        assert "/etc/postgresql/*/restored" in command
        assert timeout > 0
        if self.answer is None:
            raise UnreachableError("no route")
        return self.answer


def reading(answer: Answer | None) -> Reading:
    host = Host("backup1")
    host.__dict__["ssh"] = Shell(answer)
    return cluster_absent(host).look(View(Site(Path(), {}, {}, {}), lambda: None))


def test_a_host_without_settings_and_data_has_no_cluster() -> None:
    assert reading(Answer(2, "", NONE * 2)).ok


@pytest.mark.parametrize(
    "answer",
    [
        None,
        Answer(0, "/etc/postgresql/15/restored\n/var/lib/postgresql/15/restored\n", ""),
        Answer(2, "/var/lib/postgresql/15/restored\n", NONE),
        Answer(2, "", NONE + DENIED),
        Answer(127, "", "sh: ls: not found"),
    ],
)
def test_what_is_left_or_was_not_seen_is_no(answer: Answer | None) -> None:
    assert not reading(answer).ok
