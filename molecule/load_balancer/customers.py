"""Customers who keep their connections: reads and writes at a steady pace, and what became of each."""

from __future__ import annotations

import collections
import http.client
import json
import sys
import threading
import time

SECONDS, PER_SECOND = float(sys.argv[1]), float(sys.argv[2])
CUSTOMERS = 10
PATIENCE_S = 5


def shop(seen: list[tuple[float, str]], until: float) -> None:
    """One customer: the next request goes out when its turn comes, on the connection of the one before."""
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=PATIENCE_S)
    turn = time.monotonic()
    while turn < until:
        time.sleep(max(0.0, turn - time.monotonic()))
        turn += CUSTOMERS / PER_SECOND
        began = time.monotonic()
        try:
            connection.request(*(("POST", "/buy", b"{}") if len(seen) % 2 else ("GET", "/look")))
            answer = connection.getresponse()
            told = json.loads(answer.read() or b"{}")
            outcome = str(told.get("colour")) if answer.status == http.client.OK else str(answer.status)
        except (OSError, http.client.HTTPException, ValueError) as error:
            outcome = type(error).__name__
            connection.close()
        seen.append((time.monotonic() - began, outcome))


def main() -> None:
    """Shops, and prints how many requests ended how, and the longest of them."""
    each: list[list[tuple[float, str]]] = [[] for _ in range(CUSTOMERS)]
    until = time.monotonic() + SECONDS
    threads = [threading.Thread(target=shop, args=(seen, until)) for seen in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    all_seen = [one for seen in each for one in seen]
    outcomes = collections.Counter(outcome for _, outcome in all_seen)
    print(json.dumps({"outcomes": outcomes, "longest_s": round(max(s for s, _ in all_seen), 3)}))  # noqa: T201  its answer


main()
