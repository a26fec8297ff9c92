#!/usr/bin/python
"""Watch customers' requests for a while, and say how they went."""

from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_requests_info
short_description: Watch customers' requests for a while, and say how they went
description:
  - Follows HAProxy's ring of requests, and asks each half second who still waits for an answer.
  - Sends a few requests of its own as well, so that there is something to see when customers sleep.
    They count only while customers send too few.
  - Requests that the colour which is not live still answers are left out.
  - Ends early when the figures of the last seconds are too bad. Nothing is changed, and it never fails because of them.
author: Drillbook
options:
  seconds:
    description: How long to watch.
    type: float
    default: 10.0
  max_error_percent:
    description: More requests than this, in percent, that get a status of 500 or more or no answer are too many.
    type: float
    default: 5.0
  max_p95_seconds:
    description: Nineteen of twenty requests must be answered within this time.
    type: float
    default: 1.0
  min_requests:
    description:
      - How many requests must be seen before it is said that all is well.
      - Fewer can condemn only when there are as many bad ones as would be too many of this number.
    type: int
    default: 50
  window_seconds:
    description: The figures of this many last seconds are looked at each half second.
    type: float
    default: 3.0
  probe_url:
    description: Where the requests of its own go; through the balancer, as a customer's.
    type: str
    default: http://127.0.0.1:80/readyz
  ring:
    description: The ring of requests in HAProxy's configuration.
    type: str
    default: requests
  path:
    description: The map file with the switches.
    type: path
    default: /etc/haproxy/switches.map
  socket:
    description: Path of HAProxy's admin socket.
    type: path
    default: /run/haproxy/admin.sock
attributes:
  check_mode:
    support: full
    description: It only looks.
"""

EXAMPLES = r"""
- name: Watch customers' requests
  haproxy_requests_info:
    seconds: 10
    max_error_percent: 5
  become: true
  register: bake
  failed_when: bake is failed or bake.breached or not bake.enough
"""

RETURN = r"""
breached:
  description: Whether the figures are too bad.
  returned: always
  type: bool
because:
  description: The figures in words.
  returned: always
  type: str
  sample: 41 of 500 requests failed (8.2 %), and 5 % are allowed
enough:
  description: Whether so many requests were seen that good figures mean something.
  returned: always
  type: bool
requests:
  description: How many requests the figures are about, those that still wait for an answer among them.
  returned: always
  type: int
errors:
  description: How many got a status of 500 or more, or no answer.
  returned: always
  type: int
waiting:
  description: How many had waited for longer than allowed, and had no answer yet.
  returned: always
  type: int
error_percent:
  description: Errors, in percent.
  returned: always
  type: float
p50_s:
  description: Half of the requests were answered within this many seconds.
  returned: always
  type: float
p95_s:
  description: Nineteen of twenty were.
  returned: always
  type: float
watched_s:
  description: How long it watched.
  returned: always
  type: float
"""

import queue
import select
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.haproxy import SOCKET, SWITCHES, ask, connect, other_colour, running_switches
from ansible.module_utils.haproxy_requests import Limits, Request, Watch, is_error, line, pending

SPEC = {
    "seconds": {"type": "float", "default": 10.0},
    "max_error_percent": {"type": "float", "default": 5.0},
    "max_p95_seconds": {"type": "float", "default": 1.0},
    "min_requests": {"type": "int", "default": 50},
    "window_seconds": {"type": "float", "default": 3.0},
    "probe_url": {"type": "str", "default": "http://127.0.0.1:80/readyz"},
    "ring": {"type": "str", "default": "requests"},
    "path": {"type": "path", "default": SWITCHES},
    "socket": {"type": "path", "default": SOCKET},
}
LOOK_S = 0.5
PROBES_PER_SECOND = 5.0
MOST_PROBES_PER_SECOND = 10.0
PROBE_TIMEOUT_S = 1.0
SPARE = 1.2


class NoRequestsError(Exception):
    """HAProxy does not tell of its requests."""


class Ring:
    """HAProxy's ring of requests, followed from now on."""

    def __init__(self, path: str, name: str, seconds: float) -> None:
        self._connection = connect(path)
        # Without the first, HAProxy ends a connection on which nothing has happened for ten seconds.
        commands = f"set timeout cli {int(seconds) + 60}s; show events {name} -w -n\n"
        self._connection.sendall(commands.encode())
        self._rest = b""

    def lines(self, within: float) -> list[str]:
        """The lines that come within so many seconds; returns as soon as there are some.

        Raises:
            NoRequestsError: HAProxy has ended the connection.
        """
        if not select.select([self._connection], [], [], max(0.0, within))[0]:
            return []
        chunk = self._connection.recv(65536)
        if not chunk:
            raise NoRequestsError(f"HAProxy ended the list of requests: {self._rest.decode(errors='replace').strip()}")
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        return [each.decode(errors="replace") for each in whole]

    def close(self) -> None:
        """Ends the following."""
        self._connection.close()


class Probes:
    """Requests of our own, one after the other at a fixed pace; none waits for the one before it."""

    def __init__(self, url: str, pace: float) -> None:
        where = urlsplit(url)
        self._address = (where.hostname or "", where.port or 80)
        self._question = (
            f"GET {where.path or '/'} HTTP/1.0\r\nHost: {where.netloc}\r\nConnection: close\r\n\r\n".encode()
        )
        self._pause = 1 / pace
        self._next = time.monotonic()
        self.ended: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self.sources: set[str] = set()

    def send(self) -> float:
        """Sends what is due; returns when the next one is."""
        while self._next <= time.monotonic():
            self._next += self._pause
            threading.Thread(target=self._ask, daemon=True).start()
        return self._next

    def _ask(self) -> None:
        began = time.monotonic()
        try:
            status = self._status(began + PROBE_TIMEOUT_S)
        except (OSError, ValueError, IndexError):
            status = None
        now = time.monotonic()
        self.ended.put(Request(now, now - began, is_error(status), is_probe=True))

    def _status(self, deadline: float) -> int:
        with socket.create_connection(self._address, timeout=PROBE_TIMEOUT_S) as connection:
            # HAProxy tells of it by this name, and it is no customer's.
            self.sources.add("{}:{}".format(*connection.getsockname()))
            connection.sendall(self._question)
            answer = b""
            while len(answer) < len("HTTP/1.1 200"):
                connection.settimeout(max(0.001, deadline - time.monotonic()))
                chunk = connection.recv(4096)
                if not chunk:
                    break
                answer += chunk
        return int(answer.split()[1])


def pace(asked: dict[str, Any]) -> float:
    """How many probes a second: a few more when the watch is so short that they would be too few."""
    needed: float = SPARE * asked["min_requests"] / max(asked["seconds"], LOOK_S)
    return max(PROBES_PER_SECOND, min(MOST_PROBES_PER_SECOND, needed))


def watch(asked: dict[str, Any]) -> dict[str, Any]:
    """Watches until the time is over or the figures are too bad."""
    began = time.monotonic()
    until = began + asked["seconds"]
    live = running_switches(ask(asked["socket"], f"show map {asked['path']}")).get("live")
    left = f"{other_colour(live)}_" if live else "\n"
    limits = Limits(asked["max_error_percent"], asked["max_p95_seconds"], asked["min_requests"])
    found = Watch(limits, asked["window_seconds"])
    ring, probes = Ring(asked["socket"], asked["ring"], asked["seconds"]), Probes(asked["probe_url"], pace(asked))
    look = began + LOOK_S
    try:
        while True:
            due = min(probes.send(), look)
            take(found, ring.lines(due - time.monotonic()), probes, left)
            now = time.monotonic()
            if now < look:
                continue
            look = now + LOOK_S
            waiting = pending(ask(asked["socket"], "show sess all"))
            found.look([each for each in waiting if is_customers(each, probes, left)], now)
            verdict = found.judge(now, is_over=now >= until)
            if verdict["breached"] or now >= until:
                return conclude(verdict, found.seen(), asked, now - began)
    finally:
        ring.close()


def is_customers(request: Any, probes: Probes, left: str) -> bool:  # noqa: ANN401  a Line or a Pending
    """Whether a request counts: a customer's, on the colour that is live or on none."""
    return request.source not in probes.sources and not request.backend.startswith(left)


def take(found: Watch, lines: list[str], probes: Probes, left: str) -> None:
    """Takes in what has ended since the last time."""
    now = time.monotonic()
    for text in lines:
        told = line(text)
        if told and is_customers(told, probes, left):
            found.add(Request(now, told.seconds, is_error(told.status)))
    while not probes.ended.empty():
        found.add(probes.ended.get())


def conclude(verdict: dict[str, Any], seen: int, asked: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The verdict, and whether enough was seen for it."""
    enough = seen >= asked["min_requests"]
    because = verdict["because"]
    if not enough and not verdict["breached"]:
        because = f"only {seen} requests were seen, and {asked['min_requests']} are needed; {because}"
    return {
        **verdict,
        "enough": enough,
        "because": f"{because}; watched for {seconds:.1f} s",
        "watched_s": round(seconds, 1),
    }


def main() -> None:
    """Watches and returns what was seen."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    asked = module.params
    try:
        found = watch(asked)
    except (OSError, NoRequestsError) as error:
        module.fail_json(
            msg=f"cannot watch customers' requests: {error}. "
            f"HINT: systemctl status haproxy; grep -n 'ring {asked['ring']}' /etc/haproxy/haproxy.cfg"
        )
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
