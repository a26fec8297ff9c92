"""Processes that a killed drill left behind: found by their environment, ended one by one."""

from __future__ import annotations

import os

import psutil

from drills.workloads.process import RUN_VARIABLE

_GRACE_SECONDS = 5.0


def end_orphans(run: str) -> list[str]:
    """End every process that carries this run's id in its environment, but not this one or its parents.

    SIGTERM first, SIGKILL for those that remain after five seconds.

    Returns:
        The processes that were ended, as "name (pid)".
    """
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = [process for process in psutil.process_iter() if process.pid not in spared and _of(process, run)]
    names = [_described(process) for process in found]
    for process in found:
        _signal(process, kill=False)
    _, alive = psutil.wait_procs(found, timeout=_GRACE_SECONDS)
    for process in alive:
        _signal(process, kill=True)
    psutil.wait_procs(alive, timeout=_GRACE_SECONDS)
    return names


def _of(process: psutil.Process, run: str) -> bool:
    try:
        return process.environ().get(RUN_VARIABLE) == run
    except (psutil.Error, OSError):
        return False


def _described(process: psutil.Process) -> str:
    try:
        return f"{process.name()} ({process.pid})"
    except psutil.Error:
        return f"({process.pid})"


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.Error:
        return
