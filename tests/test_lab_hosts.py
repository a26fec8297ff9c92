"""How the hosts of the lab come and go; podman and the playbooks are played."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from drills.errors import UsageError
from drills.lab import machine
from drills.lab.hosts import SECRETS, Lab

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = ("db1", "db2")


class Podman:
    """Which hosts and saved images there are, and the playbooks that were run."""

    def __init__(self) -> None:
        self.made: set[str] = set()
        self.saved: set[str] = set()
        self.played: list[str] = []
        self.started_from: dict[str, str] = {}


@pytest.fixture
def podman(monkeypatch: pytest.MonkeyPatch) -> Podman:
    played = Podman()
    monkeypatch.setattr(machine, "image_exists", lambda image: image in played.saved)
    monkeypatch.setattr(machine, "images_named", lambda _: [])
    monkeypatch.setattr(machine, "container", lambda name, _: "an image" * (name.split("-")[-1] in played.made))
    return played


@pytest.fixture
def lab(tmp_path: Path, podman: Podman, monkeypatch: pytest.MonkeyPatch) -> Lab:
    class PlayedLab(Lab):
        hosts = dict.fromkeys(HOSTS, 1)
        base_image = "base"
        state = "now"

        def prepare(self) -> None:
            for name in SECRETS:
                (self.folder / name).mkdir(parents=True, exist_ok=True)

        def play(self, playbook: str, *, log: str, variables: dict[str, Any] | None = None) -> None:  # noqa: ARG002
            podman.played.append(playbook)
            if playbook == "lab/save.yml":
                podman.saved |= {self.saved_image(host) for host in HOSTS}

        def _start(self, images: dict[str, str]) -> None:
            podman.started_from = images
            podman.made |= set(images)

        def _release(self) -> None:
            podman.played.append("release")

    monkeypatch.setenv("DRILLBOOK_LAB", "played")
    (tmp_path / ".lab").mkdir()
    return PlayedLab(tmp_path)


def secret(lab: Lab, value: str | None = None) -> str:
    path = lab.folder / "secrets" / "one"
    if value is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)
    return path.read_text()


def test_a_new_lab_is_provisioned_and_kept_and_one_that_is_up_is_left_alone(lab: Lab, podman: Podman) -> None:
    lab.up()
    assert "playbooks/site.yml" in podman.played
    assert podman.started_from == dict.fromkeys(HOSTS, "base")
    podman.played.clear()
    lab.up()
    assert podman.played == ["lab/trust.yml"]


def test_hosts_from_saved_images_get_the_secrets_that_were_kept_with_them(lab: Lab, podman: Podman) -> None:
    secret(lab, "as saved")
    lab.up()
    secret(lab, "rotated since")
    podman.made.clear()
    podman.played.clear()
    lab.up()
    assert podman.started_from == {host: lab.saved_image(host) for host in HOSTS}
    assert "playbooks/site.yml" not in podman.played
    assert secret(lab) == "as saved"


def test_one_missing_host_is_never_made_from_what_is_older_than_the_others(lab: Lab, podman: Podman) -> None:
    secret(lab, "as saved")
    lab.up()
    secret(lab, "rotated since")
    podman.made.remove("db2")
    podman.played.clear()
    with pytest.raises(UsageError, match="lacks db2") as refused:
        lab.up()
    assert "lab reset" in refused.value.hint
    assert (podman.played, secret(lab)) == ([], "rotated since")


def test_a_start_that_was_interrupted_goes_on(lab: Lab, podman: Podman) -> None:
    podman.made.add("db1")
    lab.up()
    assert podman.made == set(HOSTS)
    assert "playbooks/site.yml" in podman.played


def test_hosts_that_somebody_removed_behind_our_back_are_provisioned_anew(lab: Lab, podman: Podman) -> None:
    lab.up()
    podman.made.clear()
    podman.saved.clear()
    podman.played.clear()
    assert json.loads((lab.folder / "state.json").read_text()) == {"provisioned": "now"}
    lab.up()
    assert "playbooks/site.yml" in podman.played


@pytest.mark.parametrize("left", ["kept.fresh", "kept.former"])
def test_what_an_interrupted_keeping_left_is_in_nobodys_way(lab: Lab, podman: Podman, left: str) -> None:
    (lab.folder / left / "secrets").mkdir(parents=True)
    lab.up()
    assert not (lab.folder / left).exists()
    assert {one.name for one in (lab.folder / "kept").iterdir()} == set(SECRETS)
    assert podman.saved
