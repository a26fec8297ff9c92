"""The lab as it is, asked past drillbook: podman, PostgreSQL, HAProxy and nftables themselves answer."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from drills.connection import port_is_open

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from email.message import Message

POSTGRESQL = "postgresql@15-main"
COMMAND_SECONDS = 30.0
WHOLE_SECONDS = 30.0
# A container that starts again has another hardware address, and its neighbours take some time to find that out.
REACHED_SECONDS = 90.0


class Cluster:
    """Nine containers; every question is answered by the program in question, as root at its console."""

    def __init__(self, name: str, hosts: Sequence[str], databases: Sequence[str], url: str) -> None:
        self.name, self.hosts, self.databases, self.url = name, hosts, databases, url

    def at(self, host: str, command: str) -> str:
        """What the shell command prints there; fails where the command fails."""
        return self._podman("exec", "--user", "root", f"{self.name}-{host}", "sh", "-c", command)

    def sql(self, host: str, query: str, database: str = "postgres") -> str:
        """What PostgreSQL on this host answers, as its own superuser."""
        return self._podman(
            *("exec", "--user", "postgres", f"{self.name}-{host}"),
            *("timeout", "5", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", query),
        )

    def power_off(self, host: str) -> None:
        self._podman("kill", "--signal", "KILL", f"{self.name}-{host}")

    def power_on(self, host: str) -> None:
        self._podman("start", f"{self.name}-{host}")
        address = self._podman(
            "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", f"{self.name}-{host}"
        )
        await_true(lambda: port_is_open(address, 22, timeout=1.0), seconds=REACHED_SECONDS)

    def primaries(self) -> list[str]:
        """The hosts on which PostgreSQL accepts writes."""
        return [host for host in self.databases if self._answer(host, "SELECT pg_is_in_recovery()") == "f"]

    @property
    def primary(self) -> str:
        """The one host that leads."""
        (one,) = self.primaries()
        return one

    def standbys(self, primary: str) -> list[str]:
        """The hosts that stream from this one, by its own account."""
        query = "SELECT application_name FROM pg_stat_replication WHERE state = 'streaming' ORDER BY 1"
        return (self._answer(primary, query) or "").split()

    def timeline(self) -> int:
        """The timeline on which the primary writes."""
        wal = self.sql(self.primary, "SELECT pg_walfile_name(pg_current_wal_lsn())")
        return int(wal[:8], 16)

    def balancer(self) -> dict[str, str]:
        """The status of each database server at HAProxy: UP, DOWN or MAINT."""
        table = self.at("lb1", "echo 'show stat' | socat stdio /run/haproxy/admin.sock")
        rows = [line.split(",") for line in table.splitlines() if line.startswith("database,")]
        return {row[1]: row[17].split()[0] for row in rows if row[1] in self.databases}

    def fenced(self) -> list[str]:
        """Every fence and cut that nftables knows of, on any host."""
        command = "nft list ruleset; ls /etc/network-fence.d 2>/dev/null || true"
        with ThreadPoolExecutor(max_workers=len(self.hosts)) as pool:
            rules = dict(zip(self.hosts, pool.map(lambda host: self.at(host, command), self.hosts), strict=True))
        signs = ("elements", ".nft", "drillbook_isolation")
        return [f"{host} has {' '.join(seen.split())}" for host, seen in rules.items() if any(s in seen for s in signs)]

    def book(self) -> int:
        """The status with which the service answers one customer who books one seat."""
        event = f"proof-{uuid.uuid4()}"
        self._post("/v1/events", {"id": event, "seats": 10})
        return self._post("/v1/bookings", {"event": event, "seat": 1, "customer": "proof"})

    def get(self, path: str) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Status, headers (in small letters) and JSON body that a customer gets; status 0 for no answer."""
        try:
            with build_opener(ProxyHandler({})).open(f"{self.url}{path}", timeout=5.0) as answer:
                return answer.status, _headers(answer.headers), json.load(answer)
        except HTTPError as error:
            return error.code, _headers(error.headers), json.load(error)
        except OSError:
            return 0, {}, {}

    def version(self) -> dict[str, Any]:
        """What the instance that answers a customer says of itself."""
        return self.get("/version")[2]

    def complaints(self) -> list[str]:
        """What is not as it must be between two drills; nothing if all is well."""
        primaries = self.primaries()
        if len(primaries) != 1:
            return [f"{len(primaries)} primaries: {primaries}"]
        standbys, others = self.standbys(primaries[0]), [host for host in self.databases if host != primaries[0]]
        found = [] if sorted(standbys) == sorted(others) else [f"from {primaries[0]} stream {standbys}, not {others}"]
        servers = self.balancer()
        up = [host for host, status in servers.items() if status == "UP"]
        if up != primaries or "MAINT" in servers.values():
            found.append(f"HAProxy sees {servers}, and {primaries[0]} leads")
        found += self.fenced()
        if (status := self.book()) != 201:
            found.append(f"a booking was answered with {status}")
        return found

    def await_whole(self, seconds: float = WHOLE_SECONDS) -> list[str]:
        """The complaints that are left after so many seconds; none, as soon as there are none."""
        until = time.monotonic() + seconds
        while (found := self.complaints()) and time.monotonic() < until:
            time.sleep(0.5)
        return found

    def _answer(self, host: str, query: str) -> str | None:
        try:
            return self.sql(host, query)
        except subprocess.SubprocessError:
            return None

    def _post(self, path: str, body: dict[str, object]) -> int:
        request = Request(  # noqa: S310  # the lab's own address
            f"{self.url}{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())},
        )
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=5.0) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code
        except OSError:
            return 0

    def _podman(self, *arguments: str) -> str:
        done = subprocess.run(
            ["podman", *arguments], capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS
        )
        if done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
        return done.stdout.strip()


def _headers(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def await_true(question: Callable[[], bool], seconds: float = 30.0, every: float = 0.2) -> None:
    """Ask until the answer is yes; a question that cannot be asked yet is asked again."""
    until, last = time.monotonic() + seconds, ""
    while time.monotonic() < until:
        try:
            if question():
                return
        except subprocess.SubprocessError as error:
            last = str(error)
        time.sleep(every)
    raise AssertionError(f"still no after {seconds:g} s {last}")
