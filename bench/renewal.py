"""How long it takes from a command until a client sees the new certificate. Run it by `make bench`.

One run on one lab, in turns: playbooks/cert_renewal.yml for the load balancer's certificate alone, and what a script on
the host would do, which has a certificate already: put it in place and reload HAProxy. Both under the same handshakes,
so each that failed is the change's own.

How to read it. `seen` is the time from the command until the first handshake that was shown the new certificate,
`wall` until the command had ended. The renewal's `seen` holds the order, the challenge and the issuance, of which the
ACME server of the lab takes some seconds on purpose; the reload's holds none of that, and it proves nothing.
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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drills import checkout
from drills.connection import UnreachableError
from drills.handshakes import HandshakeLedger, read_handshakes
from drills.journal import HANDSHAKES
from drills.site import read_site
from drills.workloads.handshakes import handshakes
from drills.workloads.workload import Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from drills.site import Site

INVENTORY = checkout.ROOT / "inventories" / "lab"
PER_SECOND = 50
STEADY_SECONDS = 2.0
WATCHED_SECONDS = 3.0
RELOAD = (
    "cd /etc/certificates/bookings && cp -p current.pem spare.pem && mv previous.pem current.pem"
    " && mv spare.pem previous.pem && systemctl reload haproxy"
)
RELOAD_SECONDS = 20.0


class RoundFailedError(Exception):
    """A command failed, or nobody saw its certificate; the figures so far stand, this round has none."""


@dataclass(frozen=True)
class Round:
    """One change of certificate, in seconds from the command on; and how many handshakes there were, and failed."""

    seen_s: float
    wall_s: float
    handshakes: int
    failed: int


def main() -> int:
    """Runs the rounds in turns and prints the figures; 1 when a command failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="changes of each kind, at least 1")
    wanted = parser.parse_args().rounds
    checkout.use_own_ansible()
    site = read_site(INVENTORY, checkout.cache())
    changes: dict[str, Callable[[], None]] = {"cert_renewal.yml": _renew, "bare reload": lambda: _reload(site)}
    rounds: dict[str, list[Round]] = {name: [] for name in changes}
    try:
        with tempfile.TemporaryDirectory() as work:
            for number in range(wanted):
                for name, change in changes.items():
                    rounds[name].append(_measured(site, Path(work) / f"{name}-{number}", change))
                    print(f"{name} {number + 1}: {rounds[name][-1]}", flush=True)
    except (RoundFailedError, UnreachableError) as error:
        print(f"error: {error}\nHINT: drillbook lab reset", file=sys.stderr)
        return 1
    finally:
        site.close()
    _report(rounds)
    return 0


def _measured(site: Site, folder: Path, change: Callable[[], None]) -> Round:
    """Do it under handshakes, and read from their ledger when the other certificate was seen."""
    folder.mkdir()
    anchor = time.monotonic()
    workload = handshakes(per_second=PER_SECOND).start(Setting(folder, "", site.variables, anchor, os.environ))
    time.sleep(STEADY_SECONDS)
    began = time.monotonic() - anchor
    try:
        change()
        ended = time.monotonic() - anchor
        time.sleep(WATCHED_SECONDS)
    finally:
        workload.stop()
    path = folder / HANDSHAKES
    return figures(read_handshakes(path, [json.loads(line) for line in path.read_text().splitlines()]), began, ended)


def figures(ledger: HandshakeLedger, began: float, ended: float) -> Round:
    """What those saw who shook hands, around a change that took from `began` to `ended`.

    Raises:
        RoundFailedError: Nobody was shown another certificate than before.
    """
    before = {one.serial for one in ledger.handshakes if one.good and one.moment < began}
    after = [one for one in ledger.handshakes if one.moment >= began]
    new = [one.shaken for one in after if one.good and one.serial not in before and one.shaken is not None]
    if not new:
        raise RoundFailedError(f"of {len(after)} handshakes none was shown another certificate")
    return Round(
        seen_s=round(min(new) - began, 2),
        wall_s=round(ended - began, 2),
        handshakes=len(after),
        failed=sum(not one.good for one in after),
    )


def _renew() -> None:
    variables = {"cert_renewal_force": True, "cert_renewal_names": ["bookings"]}
    program, playbook = Path(sys.executable).parent / "ansible-playbook", checkout.ROOT / "playbooks/cert_renewal.yml"
    environment = {**os.environ, "ANSIBLE_CONFIG": str(checkout.ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    command = [str(program), "-i", str(INVENTORY), str(playbook), "-e", json.dumps(variables)]
    answer = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if answer.returncode:
        last = " / ".join(answer.stdout.strip().splitlines()[-12:])
        raise RoundFailedError(f"cert_renewal.yml ended with {answer.returncode}: {last}")


def _reload(site: Site) -> None:
    """The certificate from before the renewal is used again; it is as good as a new one."""
    host = site.group("load_balancer")[0]
    answer = host.ssh.run(f"sudo -n sh -c '{RELOAD}'", timeout=RELOAD_SECONDS)
    if answer.exit_code:
        raise RoundFailedError(f"the reload on {host} ended with {answer.exit_code}: {answer.err.strip()}")


def _report(rounds: dict[str, list[Round]]) -> None:
    print(f"\nload average {os.getloadavg()[0]:.1f}")
    for name, those in rounds.items():
        for figure in ("seen_s", "wall_s"):
            values = [float(getattr(one, figure)) for one in those]
            spread = f"min {min(values):6.2f}   max {max(values):6.2f}   rounds {len(values)}"
            print(f"{name:16}   {figure}   median {statistics.median(values):6.2f} s   {spread}")
        tried, failed = sum(one.handshakes for one in those), sum(one.failed for one in those)
        print(f"{name:16}   failed {failed} of {tried} handshakes")
    ours, bare = (statistics.median(one.seen_s for one in those) for those in rounds.values())
    print(f"until it is seen, against the bare reload   {ours / bare:.1f}")


if __name__ == "__main__":
    sys.exit(main())
