"""Follows a playbook through ansible-runner, and tells what each of its tasks did, and when."""

from __future__ import annotations

import difflib
import json
import re
import shlex
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drills import checkout
from drills.errors import UsageError
from drills.pages.meta import Meta, read_meta
from drills.workloads.process import RUN_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OUTCOMES = {
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
    "runner_on_skipped": "skipped",
}
_TASK_STARTS = "playbook_on_task_start"
_BECAUSE_LINES = 5
_JOIN_SECONDS = 0.05
_END_SECONDS = 15.0


@dataclass(frozen=True)
class Runbook:
    """A playbook of the repository with its meta."""

    name: str
    playbook: Path
    meta: Meta

    @property
    def undo(self) -> str | None:
        """The name of the runbook that undoes this one, if its meta names one."""
        name = self.meta.undo.playbook.removeprefix("playbooks/").removesuffix(".yml")
        return name or None

    @property
    def path(self) -> str:
        """The playbook, as people type it at the repository's root."""
        return checkout.relative(self.playbook)


def load_runbook(name: str) -> Runbook:
    """The runbook of this name.

    Raises:
        UsageError: There is no such playbook, or it has no meta beside it.
    """
    playbook = checkout.playbook_path(name)
    if not playbook.is_file():
        files = [file for folder in checkout.playbook_folders() for file in sorted(folder.glob("*.yml"))]
        known = [file.stem for file in files if "." not in file.stem]
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(known) or 'none'}"
        raise UsageError(f"there is no runbook {name!r} ({checkout.relative(playbook)})", hint)
    return Runbook(name, playbook, read_meta(playbook, checkout.ROOT))


def check_saying(runbook: str, saying: str) -> None:
    """Look whether a failure that is expected can be told from any other.

    Raises:
        UsageError: Every reason contains these words, because there are none.
    """
    if not saying.strip():
        raise UsageError(
            f"{runbook} is to fail, saying nothing in particular", 'name words of its message: saying="not ready"'
        )


def check_undoable(runbook: Runbook) -> None:
    """Look whether what an interrupted runbook leaves can be undone.

    Raises:
        UsageError: No runbook undoes it.
    """
    if runbook.undo is None:
        raise UsageError(
            f"{runbook.name} is to be interrupted, but no runbook undoes it",
            f"name one in {runbook.path.removesuffix('.yml')}.meta.yml: undo: {{playbook: <name>, until: <text>}}",
        )


@dataclass(frozen=True)
class Order:
    """A playbook to run: against which inventory, within which limit, with which variables."""

    name: str
    playbook: Path
    inventory: Path
    variables: Mapping[str, Any] = field(default_factory=dict)
    limit: str | None = None

    @property
    def command(self) -> str:
        """What a person would type at the repository's root to do the same."""
        words = [
            "ansible-playbook",
            checkout.relative(self.playbook),
            "-i",
            checkout.relative(self.inventory.resolve()),
        ]
        if self.limit:
            words += ["--limit", self.limit]
        if self.variables:
            words += ["-e", json.dumps(dict(self.variables))]
        return shlex.join(words)


@dataclass(frozen=True)
class Task:
    """What one task did on one host; the times are raw monotonic seconds of the controller.

    `checks` is what a task that proves something found: each check with its outcome (met, missed, unknown or
    not checked) and the reason.
    """

    play: str
    task: str
    host: str
    path: str
    started: float
    ended: float
    outcome: str
    because: str
    checks: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class Followed:
    """How a playbook ended: ansible-playbook's exit code (254 when it was stopped), and why it is not 0."""

    exit_code: int
    because: str


class Following:
    """A playbook under way, in a thread of its own."""

    def __init__(
        self,
        order: Order,
        run: str,
        artifacts: Path,
        on_task: Callable[[Task], None],
        on_start: Callable[[str, int], None] = lambda _task, _pid: None,
    ) -> None:
        """Start it.

        Args:
            order: What to run.
            run: Put into the environment of its processes.
            artifacts: The folder of what ansible-runner keeps.
            on_task: Called from the thread when a task has ended on a host.
            on_start: Called from the thread when a task begins, with its name and the pid of ansible-playbook.
        """
        self._order, self._run, self._artifacts = order, run, artifacts
        self._on_task, self._on_start = on_task, on_start
        self._wall_offset = time.time() - time.monotonic()
        self._stopped = threading.Event()
        self._failures: list[str] = []
        self._followed: Followed | None = None
        self._thread = threading.Thread(target=self._follow, name=f"runbook-{order.name}", daemon=True)
        self._thread.start()

    def wait(self, check: Callable[[], None]) -> Followed:
        """Wait for its end, and call `check` all the while; what that raises ends the playbook first."""
        try:
            while self._thread.is_alive():
                self._thread.join(_JOIN_SECONDS)
                check()
        except BaseException:
            self._stopped.set()
            self._thread.join(_END_SECONDS)
            raise
        return self._followed or Followed(254, "its thread ended without a word")

    def _follow(self) -> None:
        try:
            self._followed = self._run_playbook()
        except Exception as error:  # noqa: BLE001  # a thread's exception would be lost
            self._followed = Followed(254, f"ansible-runner failed: {error!r}")

    def _run_playbook(self) -> Followed:
        import ansible_runner  # noqa: PLC0415  # a quarter of a second, which most commands need not pay

        order = self._order
        number = sum(1 for _ in self._artifacts.glob("*/")) + 1 if self._artifacts.is_dir() else 1
        self._artifacts.mkdir(parents=True, exist_ok=True)
        runner = ansible_runner.run(
            private_data_dir=str(self._artifacts),
            artifact_dir=str(self._artifacts),
            ident=f"{number}-{order.name}",
            project_dir=str(checkout.ROOT),
            playbook=str(order.playbook),
            inventory=str(order.inventory.resolve()),
            extravars=dict(order.variables) or None,
            limit=order.limit,
            envvars=environment(self._run),
            settings={"pexpect_timeout": 1},
            fact_cache_type="",
            suppress_env_files=True,
            quiet=True,
            event_handler=self._on_event,
            cancel_callback=self._stopped.is_set,
        )
        folder = self._artifacts / f"{number}-{order.name}"
        # ansible-runner notes the whole environment here, with whatever secrets it holds
        (folder / "command").unlink(missing_ok=True)
        code = int(runner.rc if runner.rc is not None else 254)
        return Followed(code, "" if code == 0 else self._why(folder))

    def _why(self, folder: Path) -> str:
        if self._stopped.is_set():
            return "it was stopped"
        if self._failures:
            return "; ".join(dict.fromkeys(self._failures))
        printed = (folder / "stdout").read_text(errors="replace") if (folder / "stdout").is_file() else ""
        return first_lines(printed[max(printed.find("ERROR"), 0) :]) or "ansible-playbook gave no reason"

    def _on_event(self, event: dict[str, Any]) -> bool:
        """Pass on what a task did; False tells ansible-runner not to keep the event as a file."""
        outcome, data = _OUTCOMES.get(event["event"]), event.get("event_data") or {}
        if event["event"] == _TASK_STARTS:
            self._on_start(str(data.get("task", "")), int(event["pid"]))
        if outcome is None or not data.get("start"):
            return False
        result = data.get("res") or {}
        if outcome == "ok" and result.get("changed"):
            outcome = "changed"
        because = "" if outcome in {"ok", "changed", "skipped"} else reason(result)
        if because and not data.get("ignore_errors"):
            self._failures.append(f"{data.get('task')} on {data.get('host')}: {because}")
        self._on_task(
            Task(
                play=str(data.get("play", "")),
                task=str(data.get("task", "")),
                host=str(data.get("host", "")),
                path=_relative(str(data.get("task_path", ""))),
                started=self._monotonic(data["start"]),
                ended=self._monotonic(data.get("end") or data["start"]),
                outcome=outcome,
                because=because,
                checks=checks_of(result),
            )
        )
        return False

    def _monotonic(self, wall: str) -> float:
        """The raw monotonic second of a wall-clock stamp of this machine, in UTC."""
        moment = datetime.fromisoformat(wall)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - self._wall_offset


def environment(run: str) -> dict[str, str]:
    """The variables for ansible-playbook: this repository's settings, no colours, host keys checked."""
    return {
        "ANSIBLE_CONFIG": str(checkout.ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        RUN_VARIABLE: run,
    }


def reason(result: Mapping[str, Any]) -> str:
    """Why a task failed, by its own words: the first lines of its message and its standard error."""
    items = [item for item in result.get("results", []) if item.get("failed")]
    words = [str(result.get(name) or "") for name in ("msg", "stderr", "module_stderr")]
    told = [*words, *(reason(item) for item in items[:1])]
    return first_lines("\n".join(dict.fromkeys(word.strip() for word in told if word.strip()))) or "no reason given"


def checks_of(result: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
    """The checks that a module returned as `checks`, a list of {check, outcome, because}."""
    found = result.get("checks")
    told = found if isinstance(found, list) else []
    return tuple(
        {name: str(one.get(name, "")) for name in ("check", "outcome", "because")}
        for one in told
        if isinstance(one, dict) and {"check", "outcome"} <= one.keys()
    )


def first_lines(text: str) -> str:
    """The first few lines of a text, as one."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() if line.strip()]
    return " / ".join(lines[:_BECAUSE_LINES])[:600]


def _relative(task_path: str) -> str:
    path, _, line = task_path.rpartition(":")
    return f"{checkout.relative(Path(path))}:{line}" if path else task_path
