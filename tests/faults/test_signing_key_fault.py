"""The leak of the signing key: what is taken, to whom it goes, and that nothing is told of it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field

import pytest

from drills import checkout
from drills.connection import Answer, UnreachableError
from drills.faults import SigningKeyLeaked
from drills.faults.fault import FaultError
from drills.runbook import load_runbook
from drills.site import Host
from drills.undo import undone_by

SECRET = "only-for-this-test"
KEYS = {
    "current": "k2",
    "keys": [
        {"kid": "k1", "public_pem": "public 1"},
        {"kid": "k2", "public_pem": "public 2", "private_pem": SECRET},
    ],
}


@dataclass
class Machine:
    """An application host."""

    content: str = json.dumps(KEYS)
    exit_code: int = 0
    commands: list[str] = field(default_factory=list)

    def run(self, command: str, *, timeout: float) -> Answer:
        assert timeout > 0
        self.commands.append(command)
        if self.exit_code < 0:
            raise UnreachableError("no route")
        return Answer(self.exit_code, self.content, "Permission denied" if self.exit_code else "")


@dataclass
class Accomplice:
    """Takes the key; `lucky` says whether tokens are accepted."""

    lucky: bool = True
    learned: list[tuple[str, str]] = field(default_factory=list)

    def learn(self, kid: str, private_pem: str) -> None:
        self.learned.append((kid, private_pem))

    def accepted(self) -> int:
        return len(self.learned) if self.lucky else 0


def leak(machine: Machine, thief: Accomplice) -> SigningKeyLeaked:
    host = Host("app1")
    host.__dict__["ssh"] = machine
    return SigningKeyLeaked(host, thief)


def test_the_key_that_signs_is_taken_and_given_to_the_thief_alone() -> None:
    machine, thief = Machine(), Accomplice()
    fault = leak(machine, thief)
    fault.inject()
    assert thief.learned == [("k2", SECRET)]
    assert fault.confirm().ok
    told = [repr(fault), fault.confirm().because, *fault.targets, *machine.commands, json.dumps(fault.cure().as_data())]
    assert SECRET not in " ".join(told)


def test_it_has_not_bitten_before_a_forged_token_was_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drills.faults.signing_key._CONFIRM_SECONDS", 0.2)
    fault = leak(Machine(), Accomplice(lucky=False))
    fault.inject()
    assert not fault.confirm().ok


@pytest.mark.parametrize(
    "content",
    [
        "",
        SECRET,
        "[]",
        json.dumps({"current": "k1", "keys": KEYS["keys"]}),
        json.dumps({"current": "k9", "keys": KEYS["keys"]}),
        json.dumps({"current": "k2", "keys": {SECRET: SECRET}}),
    ],
)
def test_a_file_without_a_key_that_signs_leaks_nothing_and_is_not_quoted(content: str) -> None:
    thief = Accomplice()
    with pytest.raises(FaultError, match="holds no key that signs") as caught:
        leak(Machine(content), thief).inject()
    assert thief.learned == []
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("exit_code", "because"), [(-1, "no route"), (1, "Permission denied")])
def test_a_host_that_does_not_give_it_away_leaks_nothing(exit_code: int, because: str) -> None:
    thief = Accomplice()
    with pytest.raises(FaultError, match=because):
        leak(Machine(exit_code=exit_code), thief).inject()
    assert thief.learned == []


def test_its_cure_is_the_rotation_which_a_story_that_follows_it_need_not_repeat() -> None:
    cure = leak(Machine(), Accomplice()).cure()
    assert cure.of_fault
    assert (checkout.ROOT / cure.playbook).is_file()
    rotation = load_runbook("key_rotation")
    given = {"key_rotation_kind": "signing_key", "key_rotation_leaked": True}
    assert undone_by(rotation, given, [cure]) == [cure]
    assert undone_by(rotation, {**given, "key_rotation_leaked": False}, [cure]) == []
    assert undone_by(rotation, {**given, "key_rotation_kind": "webhook_secret"}, [cure]) == []


def test_the_hosts_own_shell_understands_it() -> None:
    machine = Machine()
    leak(machine, Accomplice()).inject()
    assert subprocess.run(["sh", "-n", "-c", machine.commands[0]], check=False).returncode == 0
