"""How fast db_failover is against the floor, and how often a promotion stalls. Run it by `make bench`.

One run on one lab, both seen by the same workload: scripted promotions (the floor, see promotion.py), and between
them whole drills of db_failover by the command line. Detection is told apart, since the floor has none.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from promotion import RoundFailedError, promotion_round

from drills import checkout
from drills.site import read_site

STALLED_SECONDS = 1.0  # a promotion slower than this waited for something


def main() -> int:
    """Runs the rounds and prints the figures; 1 when a round could not be run."""
    asked = _arguments()
    checkout.use_own_ansible()
    site = read_site(checkout.ROOT / "inventories" / "lab", checkout.cache())
    floor: list[float] = []
    drills: list[dict[str, float]] = []
    every = max(asked.promotions // asked.drills, 1)
    try:
        with tempfile.TemporaryDirectory() as work:
            for number in range(asked.promotions):
                folder = Path(work) / f"promotion-{number}"
                folder.mkdir()
                floor.append(_recovery(promotion_round(site, folder).durations))
                print(f"promotion {number + 1:2}: {floor[-1]:6.3f} s", flush=True)
                if (number + 1) % every == 0 and len(drills) < asked.drills:
                    drills.append(_drill())
                    print(f"drill {len(drills):2}: {drills[-1]}", flush=True)
    except RoundFailedError as error:
        print(f"error: {error}\nHINT: drillbook lab reset", file=sys.stderr)
        return 1
    finally:
        site.close()
    _report(floor, drills)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--promotions", type=int, default=50, help="scripted promotions, at least 1")
    parser.add_argument("--drills", type=int, default=5, help="drills of db_failover, spread among them")
    return parser.parse_args()


def _drill() -> dict[str, float]:
    """One drill of db_failover; its durations in seconds."""
    command = [str(Path(sys.executable).parent / "drillbook"), "run", "db_failover", "--json"]
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    document = json.loads(answer.stdout)
    if document["status"] != "completed" or document["verdict"] not in ("met", "missed"):
        raise RoundFailedError(f"the drill ended {document['status']} and {document['verdict']}: {document['run_dir']}")
    durations = document["durations"]
    return {name: durations[name] for name in ("recovery_s", "detection_s", "decision_s", "runbook_s")}


def _recovery(durations: object) -> float:
    seconds = durations["recovery_s"]  # type: ignore[index]
    if seconds is None:
        raise RoundFailedError("the service did not come back after a scripted promotion")
    return float(seconds)


def _report(floor: list[float], drills: list[dict[str, float]]) -> None:
    ours = [drill["recovery_s"] for drill in drills]
    acting = [drill["recovery_s"] - drill["detection_s"] for drill in drills]
    stalled = sum(seconds > STALLED_SECONDS for seconds in floor)
    print()
    print(f"floor, scripted promotion          {_spread(floor)}")
    print(f"db_failover, from fault to served  {_spread(ours)}")
    print(f"  of it detection                  {_spread([drill['detection_s'] for drill in drills])}")
    print(f"  without detection                {_spread(acting)}")
    print(f"ratio to the floor                 {statistics.median(ours) / statistics.median(floor):.1f}")
    print(f"ratio without detection            {statistics.median(acting) / statistics.median(floor):.1f}")
    print(f"promotions slower than {STALLED_SECONDS:.0f} s         {stalled} of {len(floor)}")


def _spread(seconds: list[float]) -> str:
    middle = statistics.median(seconds)
    return f"median {middle:6.3f} s   min {min(seconds):6.3f}   max {max(seconds):6.3f}   rounds {len(seconds)}"


if __name__ == "__main__":
    sys.exit(main())
