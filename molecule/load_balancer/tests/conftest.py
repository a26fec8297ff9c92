"""Two application hosts with an instance of each colour, and customers who use them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testinfra.host import Host

    from conftest import Hosts

ADDRESSES = {"app1": "127.0.0.11", "app2": "127.0.0.12"}
PORTS = {"blue": 8001, "green": 8002}
RELEASES = {"blue": f"sha256:{'a' * 64}", "green": f"sha256:{'b' * 64}"}


@dataclass(frozen=True)
class Service:
    """The instances behind the balancer, by host and colour."""

    host: Host

    def start(self) -> None:
        """Starts all of them."""
        self.host.check_output("mkdir -p /run/faults")
        for name, address in ADDRESSES.items():
            for colour, port in PORTS.items():
                arguments = f"{name} {address} {port} {colour} {RELEASES[colour]}"
                self.host.check_output(f"systemd-run --unit={name}-{colour} python3 /srv/instance.py {arguments}")

    def stop(self, *names: str) -> None:
        """Ends some instances, such as `app1-green`."""
        self.host.check_output(f"systemctl stop {' '.join(names)}")

    def signal(self, signal: str, *names: str) -> None:
        """STOP lets them hang: they accept connections and never answer. CONT ends it."""
        self.host.check_output(f"systemctl kill --signal={signal} {' '.join(names)}")

    def misbehave(self, fault: str) -> None:
        """Lets instances have a fault, such as `blue-errors` or `app1-blue-not_ready`."""
        self.host.check_output(f"touch /run/faults/{fault}")

    def behave(self) -> None:
        """Ends all faults."""
        self.host.check_output("rm -f /run/faults/*")

    def answered(self, name: str, colour: str) -> int:
        """How many customers' requests an instance has answered."""
        answer = self.host.check_output(f"curl -sS http://{ADDRESSES[name]}:{PORTS[colour]}/answered")
        return int(json.loads(answer)["answered"])

    def ask(self, path: str = "/look") -> str:
        """The answer to one customer, with its head."""
        return str(self.host.run(f"curl --silent --include --max-time 3 http://127.0.0.1{path}").stdout)

    def serving(self) -> str:
        """The colour that one customer gets, or the status."""
        answer = self.ask()
        head, _, body = answer.partition("\r\n\r\n")
        return str(json.loads(body)["colour"]) if " 200 " in head.splitlines()[0] else head.split()[1]

    def seen(self, backend: str, name: str) -> dict[str, str]:
        """How the balancer sees a server, in the columns of its statistics."""
        answer = self.host.check_output("echo 'show stat' | socat stdio /run/haproxy/admin.sock")
        keys, *rows = [line.split(",") for line in answer.removeprefix("# ").splitlines() if line]
        return next(dict(zip(keys, row, strict=False)) for row in rows if row[:2] == [backend, name])


@dataclass(frozen=True)
class Shoppers:
    """Customers who keep ten connections and send requests over them at a steady pace, in the background."""

    host: Host
    eventually: Callable[..., None]

    def come(self, seconds: float, per_second: float) -> None:
        """Lets them begin."""
        self.host.check_output(
            "systemd-run --unit=shoppers --property=StandardOutput=truncate:/run/shoppers.json "
            f"python3 /srv/customers.py {seconds} {per_second}"
        )

    def leave(self) -> dict[str, Any]:
        """What became of their requests, when they have gone by themselves."""
        self.eventually(lambda: self.host.service("shoppers").is_running, False, within=60)
        return dict(json.loads(self.host.check_output("cat /run/shoppers.json")))


@pytest.fixture(scope="session")
def instances(host: Host) -> Service:
    service = Service(host)
    service.start()
    return service


@pytest.fixture
def service(instances: Service, hosts: Hosts, eventually: Callable[..., None]) -> Iterator[Service]:
    """The instances, all well and customers on blue, before the test and after it."""

    def all_up() -> bool:
        servers = [
            instances.seen(f"{colour}_{kind}", name)
            for colour in PORTS
            for kind in ("ready", "alive")
            for name in ADDRESSES
        ]
        return all(server["status"] == "UP" for server in servers)

    eventually(all_up, True)
    assert instances.serving() == "blue"
    yield instances
    instances.behave()
    if instances.serving() != "blue":
        hosts.follow("switch", load_balancer_colour="blue")


@pytest.fixture
def shoppers(host: Host, eventually: Callable[..., None]) -> Shoppers:
    return Shoppers(host, eventually)
