"""What a rollback costs customers and on-call, against a plain flip of a symlink. Run it by `make bench`.

One run on one lab, in turns: playbooks/rollback.yml after a deploy, and bench/symlink_flip/rollback.yml, which does
what the well-known deploy roles do. Both leave a release that works, under the same load, so each failed answer is the
rollback's own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drills import checkout
from drills.journal import LEDGER
from drills.site import read_site
from drills.workloads.bookings import bookings
from drills.workloads.workload import Setting

INVENTORY = checkout.ROOT / "inventories" / "lab"
PER_SECOND = 50
STEADY_SECONDS = 2.0
WATCHED_SECONDS = 4.0
SHORT_WATCH = {"load_balancer_bake_seconds": 3, "load_balancer_bake_min_requests": 20}  # a deploy is not measured here


class RoundFailedError(Exception):
    """A playbook failed; the figures so far stand, this round has none."""


@dataclass(frozen=True)
class Round:
    """One rollback, in seconds: the playbook's wall time, and until the last customer was moved; and what failed.

    `served_s` is 0 for the flip: its folders are named by time, so no answer says which release it came from.
    """

    wall_s: float
    served_s: float
    bad_s: float
    failed: int


def main() -> int:
    """Runs the rounds in turns and prints the figures; 1 when a playbook failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rollbacks of each kind, at least 1")
    rounds = parser.parse_args().rounds
    checkout.use_own_ansible()
    site = read_site(INVENTORY, checkout.cache())
    url, older, newer = str(site.variables["bookings_url"]), site.release("1.0.0"), site.release("1.1.0")
    ours: list[Round] = []
    plain: list[Round] = []
    try:
        with tempfile.TemporaryDirectory() as work:
            for number in range(rounds):
                ours.append(_ours(url, older, newer, Path(work) / f"ours-{number}"))
                print(f"rollback.yml {number + 1}: {ours[-1]}", flush=True)
                plain.append(_plain(url, older, newer, Path(work) / f"plain-{number}"))
                print(f"symlink flip {number + 1}: {plain[-1]}", flush=True)
    except RoundFailedError as error:
        print(f"error: {error}\nHINT: drillbook lab reset", file=sys.stderr)
        return 1
    finally:
        site.close()
    _report(ours, plain)
    return 0


def _ours(url: str, older: str, newer: str, folder: Path) -> Round:
    _play("playbooks/deploy.yml", release_digest=newer, **SHORT_WATCH)
    return _measured(url, folder, older, lambda: _play("playbooks/rollback.yml"))


def _plain(url: str, older: str, newer: str, folder: Path) -> Round:
    _play("playbooks/deploy.yml", release_digest=newer, **SHORT_WATCH)
    colour = _version(url)["colour"]
    laid = {"flip_colour": colour, "flip_older": older, "flip_newer": newer}
    _play("bench/symlink_flip/prepare.yml", **laid)
    measured = _measured(url, folder, None, lambda: _play("bench/symlink_flip/rollback.yml", **laid))
    _play("playbooks/rollback.yml", release_digest=older)
    return measured


def _measured(url: str, folder: Path, wanted: str | None, rollback: Any) -> Round:  # noqa: ANN401  # a call without arguments
    """Do it under load and read from the ledger what the customers saw."""
    folder.mkdir()
    anchor = time.monotonic()
    workload = bookings(per_second=PER_SECOND).start(
        Setting(folder, folder.name, {"bookings_url": url}, anchor, os.environ)
    )
    time.sleep(STEADY_SECONDS)
    began = time.monotonic() - anchor
    rollback()
    ended = time.monotonic() - anchor
    time.sleep(WATCHED_SECONDS)
    workload.stop()
    lines = [json.loads(line) for line in (folder / LEDGER).read_text().splitlines()]
    sent = {line["n"]: line["t"] for line in lines if line["kind"] == "sent"}
    answers = [line for line in lines if line["kind"] == "answered" and sent[line["n"]] >= began]
    bad = [line for line in answers if not line["good"]]
    bad += [line for line in lines if line["kind"] == "missed" and line["due"] >= began]
    foreign = [line["t"] for line in answers if wanted and line.get("release") not in (None, wanted)]
    times = [sent.get(line["n"], line["t"]) for line in bad]
    return Round(
        wall_s=round(ended - began, 2),
        served_s=round(max(foreign, default=began) - began, 2),
        bad_s=round(max(times) - min(times) + 1 / PER_SECOND, 2) if times else 0.0,
        failed=len(bad),
    )


def _version(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/version", timeout=3) as answer:  # noqa: S310  # the lab's own address
        version: dict[str, Any] = json.load(answer)
    return version


def _play(playbook: str, **variables: object) -> None:
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "-i",
        str(INVENTORY),
        str(checkout.ROOT / playbook),
    ]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(checkout.ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    answer = subprocess.run(
        [*command, "-e", json.dumps(variables)], capture_output=True, text=True, env=environment, check=False
    )
    if answer.returncode:
        last = " / ".join(answer.stdout.strip().splitlines()[-12:])
        raise RoundFailedError(f"{playbook} ended with {answer.returncode}: {last}")


def _report(ours: list[Round], plain: list[Round]) -> None:
    print()
    for name, rounds in (("rollback.yml", ours), ("symlink flip", plain)):
        for figure, unit in (("wall_s", "s"), ("served_s", "s"), ("bad_s", "s"), ("failed", "answers")):
            values = [float(getattr(one, figure)) for one in rounds]
            spread = f"min {min(values):6.2f}   max {max(values):6.2f}   rounds {len(values)}"
            print(f"{name}   {figure:9} median {statistics.median(values):6.2f} {unit:8} {spread}")
    wall = statistics.median(one.wall_s for one in ours) / statistics.median(one.wall_s for one in plain)
    served = statistics.median(one.served_s for one in ours) / statistics.median(one.wall_s for one in plain)
    print(f"wall time against the flip's         {wall:.2f}")
    print(f"until the last customer was moved    {served:.2f} of the flip's wall time")


if __name__ == "__main__":
    sys.exit(main())
