"""Faults as commands and readings, without a host."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from drills import checkout
from drills.connection import Answer
from drills.faults import Fault, HostIsolated, HostPoweredOff, ReleaseTampered, ServiceFrozen, ServiceKilled
from drills.faults.fault import FaultError
from drills.out_of_band import OutOfBandError
from drills.site import Host


@dataclass
class Machine:
    """A host's SSH and its console at once: notes the commands, and gives the answers that the test put there."""

    answers: list[Answer] = field(default_factory=list)
    power: str = "on"
    broken: bool = False
    commands: list[str] = field(default_factory=list)
    address: str = "127.0.0.1"
    port: int = 1

    def run(self, command: str, *, timeout: float) -> Answer:
        assert timeout > 0
        self.commands.append(command)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def power_state(self) -> str:
        return self.power

    def power_off(self) -> None:
        if self.broken:
            raise OutOfBandError("no such container")
        self.power = "off"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("power", "network", "service"):
        monkeypatch.setattr(f"drills.faults.{module}._CONFIRM_SECONDS", 0.0)


def host(machine: Machine) -> Host:
    made = Host("db1")
    made.__dict__.update(ssh=machine, out_of_band=machine)
    return made


def test_power_is_taken_and_seen_to_be_gone() -> None:
    fault = HostPoweredOff(host(Machine()))
    assert not fault.confirm().ok
    fault.inject()
    assert fault.confirm().ok


def test_it_is_known_when_the_power_was_taken_and_before_that_it_can_only_be_planned_with() -> None:
    fault = HostPoweredOff(host(Machine()))
    assert fault.moment == 0.0
    before = time.time()
    fault.inject()
    assert before <= fault.moment <= time.time()


def test_power_that_cannot_be_taken_is_told() -> None:
    with pytest.raises(FaultError, match="no such container"):
        HostPoweredOff(host(Machine(broken=True))).inject()


def test_a_frozen_service_has_every_process_stopped() -> None:
    machine = Machine([Answer(0, "", "")])
    fault = ServiceFrozen(host(machine), "postgresql@15-main")
    fault.inject()
    assert machine.commands == ["sudo -n systemctl kill --signal=SIGSTOP -- postgresql@15-main"]
    for states, frozen in (("T\nT\n", True), ("T\nS\n", False), ("", False)):
        machine.answers = [Answer(0, states, "")]
        assert fault.confirm().ok is frozen
    assert "/postgresql@15-main.service" in machine.commands[-1]


def test_a_killed_service_has_failed() -> None:
    machine = Machine([Answer(0, "ActiveState=failed\nResult=signal\n", "")])
    fault = ServiceKilled(host(machine), "postgresql@15-main")
    assert fault.confirm().ok
    machine.answers = [Answer(0, "ActiveState=active\nResult=success\n", "")]
    assert not fault.confirm().ok


def test_a_service_that_systemd_does_not_know_cannot_be_hurt() -> None:
    fault = ServiceKilled(host(Machine([Answer(5, "", "Unit nonsense.service not loaded.")])), "nonsense")
    with pytest.raises(FaultError, match="not loaded"):
        fault.inject()


def test_an_isolated_host_runs_on_and_answers_nobody() -> None:
    machine = Machine([Answer(0, "active\n", "")])
    fault = HostIsolated(host(machine), still_running="postgresql@15-main")
    fault.inject()
    assert machine.commands[0].startswith("nft -f -")
    assert "priority -300" in machine.commands[0]
    assert fault.confirm().ok
    machine.answers = [Answer(3, "failed\n", "")]
    assert not fault.confirm().ok


def everything(machine: Machine) -> list[Fault]:
    victim = host(machine)
    return [
        HostPoweredOff(victim),
        HostIsolated(victim),
        ServiceKilled(victim, "x"),
        ServiceFrozen(victim, "x"),
        ReleaseTampered(victim, f"sha256:{'0' * 64}"),
    ]


@pytest.mark.parametrize("fault", everything(Machine()), ids=lambda fault: type(fault).__name__)
def test_every_fault_says_what_it_hits_and_which_playbook_cures_it(fault: Any) -> None:  # noqa: ANN401
    cure = fault.cure()
    assert fault.targets
    assert cure.limit == "db1"
    assert cure.of_fault
    assert (checkout.ROOT / cure.playbook).is_file()


def test_two_faults_on_one_host_have_two_cures() -> None:
    victim = host(Machine())
    assert ServiceKilled(victim, "a").cure().cure != ServiceKilled(victim, "b").cure().cure
