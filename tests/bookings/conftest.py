"""A private PostgreSQL 15 and instances of the service, both real processes on loopback."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "lab"
RELEASES = ROOT / ".lab" / "releases"
BINARIES = Path("/usr/lib/postgresql/15/bin")
SECRET = "a secret of the tests"
PASSWORD = 'pass "word" \\ $x'  # what a quoting mistake would trip over


@dataclass
class Postgres:
    """A server of our own: trust is for the tests' own sessions, the service signs in with its password."""

    folder: Path
    port: int

    def start(self) -> None:
        self._ctl("start", "-w", "-l", str(self.folder / "log"))

    def stop(self, mode: str = "immediate") -> None:
        self._ctl("stop", "-w", "-m", mode)

    def connect(self, dbname: str = "bookings") -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host=str(self.folder),
            port=self.port,
            user="admin",
            dbname=dbname,
            autocommit=True,
            options="-c synchronous_commit=local",
        )

    def configure(self, **settings: str) -> None:
        with self.connect() as connection:
            for name, value in settings.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
            connection.execute("SELECT pg_reload_conf()")

    def wait_for(self, query: str, seconds: float = 5.0) -> object:
        """Return the first value the query gives that is not null."""
        deadline = time.monotonic() + seconds
        with self.connect() as connection:
            while time.monotonic() < deadline:
                row = connection.execute(query.encode()).fetchone()
                if row and row[0] is not None:
                    return row[0]
                time.sleep(0.01)
        raise AssertionError(f"nothing within {seconds} s: {query}")

    def await_quorum(self) -> None:
        """Return once commits really wait for a standby: the server takes a moment to take the setting in."""
        for _ in range(50):
            writer = psycopg.connect(
                host=str(self.folder), port=self.port, user="admin", dbname="bookings", autocommit=True
            )
            writer.pgconn.send_query(b"SELECT pg_logical_emit_message(true, 'tests', '')")
            own = writer.info.backend_pid
            waits = f"SELECT pid FROM pg_stat_activity WHERE pid = {own} AND wait_event = 'SyncRep'"  # noqa: S608  a number
            try:
                self.wait_for(waits, seconds=0.2)
            except AssertionError:
                continue
            finally:
                writer.cancel()
                writer.close()
            return
        raise AssertionError("commits do not wait for the standby")

    def _ctl(self, *words: str) -> None:
        run_as_postgres([str(BINARIES / "pg_ctl"), "-D", str(self.folder / "data"), *words])


def run_as_postgres(command: list[str]) -> None:
    """PostgreSQL refuses to run as root; its package brings a user for it."""
    user = "postgres" if os.geteuid() == 0 else None
    done = subprocess.run(
        command,
        user=user,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command} failed: {done.stderr}"


def signing_key(kid: str) -> dict[str, str]:
    """Return a new key as the file of the signing keys has it."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {"kid": kid, "private_pem": private.decode(), "public_pem": public.decode()}


FIRST_KEY = signing_key("key-1")


def place(path: Path, content: object) -> None:
    """Replace a file as a whole, as the role does."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content))
    part.replace(path)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def cluster() -> Iterator[Postgres]:
    if not (BINARIES / "initdb").exists():
        pytest.fail(f"no PostgreSQL in {BINARIES}\nHINT: apt-get install --no-install-recommends postgresql-15")
    folder = Path(tempfile.mkdtemp(prefix="bookings-postgres-"))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    postgres = Postgres(folder, free_port())
    data = folder / "data"
    run_as_postgres(
        [
            *(str(BINARIES / "initdb"), "-D", str(data), "-U", "admin", "-N", "--locale=C.UTF-8", "-E", "UTF8"),
            *("--auth-host=scram-sha-256", "--auth-local=trust"),
        ]
    )
    with (data / "postgresql.conf").open("a") as conf:
        conf.write(
            f"port = {postgres.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\n"
            "cluster_name = 'db1'\nshared_buffers = '32MB'\nautovacuum = off\n"
        )
    postgres.start()
    try:
        with postgres.connect("postgres") as connection:
            quoted = PASSWORD.replace("'", "''")
            connection.execute(f"CREATE ROLE bookings LOGIN PASSWORD '{quoted}'".encode())
            connection.execute("CREATE DATABASE bookings OWNER bookings")
        yield postgres
    finally:
        postgres.stop()
        shutil.rmtree(folder)


@pytest.fixture
def postgres(cluster: Postgres) -> Iterator[Postgres]:
    """The server, up and with nobody to wait for at the end of each test, whatever the test did to it."""
    try:
        yield cluster
    finally:
        if not (cluster.folder / "data" / "postmaster.pid").exists():
            cluster.start()
        cluster.configure(synchronous_standby_names="")


@dataclass
class Answer:
    """What came back, and how long it took in seconds."""

    status: int
    body: Any
    seconds: float
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Instance:
    """A running bookings service."""

    process: subprocess.Popen[str]
    port: int
    secrets: Path

    def call(self, method: str, path: str, body: object = None, *, timeout: float = 10.0, **headers: str) -> Answer:
        """Send one request on a connection of its own. Header names are written with underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        payload = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        started = time.monotonic()
        try:
            connection.request(
                method, path, payload, {name.replace("_", "-"): value for name, value in headers.items()}
            )
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        is_json = "json" in response.headers.get("content-type", "")
        return Answer(
            response.status,
            json.loads(content) if is_json else content.decode(),
            time.monotonic() - started,
            {name.lower(): value for name, value in response.headers.items()},
        )

    def open_event(self, event: str, seats: int = 100) -> Answer:
        return self.call("POST", "/v1/events", {"id": event, "seats": seats})

    def book(
        self, event: str, seat: int, *, key: str, customer: str = "c", timeout: float = 10.0, **more: object
    ) -> Answer:
        body = {"event": event, "seat": seat, "customer": customer, **more}
        return self.call("POST", "/v1/bookings", body, Idempotency_Key=key, timeout=timeout)

    def pay(self, booking: str, *, payment: str | None = None, secret: str = SECRET) -> Answer:
        body = json.dumps({"payment": payment or uuid.uuid4().hex, "booking": booking}).encode()
        signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return self.call("POST", "/v1/webhooks/payments", body, X_Signature=signature)

    def secret(self, name: str) -> dict[str, Any]:
        """Return what is in a file of the instance's secrets."""
        content: dict[str, Any] = json.loads((self.secrets / name).read_text())
        return content

    def give(self, name: str, **content: object) -> None:
        """Replace a file of the instance's secrets; it is told nothing of it."""
        place(self.secrets / name, content)

    def sign_in(self, customer: str) -> str:
        """Return the token that the customer gets."""
        answer = self.call("POST", "/v1/sign-in", {"customer": customer})
        assert answer.status == 200, answer
        return str(answer.body["token"])

    def shows(self, token: str) -> int:
        """Return the status of a page of bookings for who shows the token."""
        return self.call("GET", "/v1/bookings?event=e", Authorization=f"Bearer {token}").status

    def keys_in_use(self) -> dict[str, set[str]]:
        """Return the ids of the keys in use by kind, as the metrics tell them."""
        found: dict[str, set[str]] = {}
        for identity, kind in re.findall(
            r'^bookings_key_in_use\{id="([^"]*)",kind="([^"]*)"\} 1', self.call("GET", "/metrics").body, re.MULTILINE
        ):
            found.setdefault(kind, set()).add(identity)
        return found

    def wait_until_it_uses(self, kind: str, *ids: str, seconds: float = 5.0) -> None:
        """Return once these keys of the kind, and no others, are in use."""
        deadline = time.monotonic() + seconds
        while (found := self.keys_in_use()[kind]) != set(ids):
            assert time.monotonic() < deadline, f"{kind}: {found} after {seconds} s"
            time.sleep(0.02)

    def bookings(self, event: str) -> list[dict[str, Any]]:
        """Return all pages, asked for in small ones."""
        rows: list[dict[str, Any]] = []
        after = ""
        while True:
            page = self.call("GET", f"/v1/bookings?event={event}&limit=7{after}")
            assert page.status == 200, page
            rows += page.body["bookings"]
            if page.body["next"] is None:
                return rows
            after = f"&after={page.body['next']}"

    def wait_until_alive(self, seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                assert self.call("GET", "/healthz").status == 200
                return
            time.sleep(0.02)
        raise AssertionError(f"not alive within {seconds} s")

    def wait_until_ready(self, seconds: float = 10.0) -> float:
        """Return after how many seconds it was ready."""
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            try:
                if self.call("GET", "/readyz").status == 200:
                    return time.monotonic() - started
            except OSError:
                assert self.process.poll() is None, "the service has ended"
            time.sleep(0.01)
        raise AssertionError(f"not ready within {seconds} s")


@dataclass
class Program:
    """The service's command line, with settings files of its own for each call; `code` has the package."""

    folder: Path
    postgres: Postgres
    code: Path = LAB

    def secrets(self, user: str = "bookings", password: str = PASSWORD) -> Path:
        """Return a folder of secrets of its own for one instance."""
        folder = self.folder / f"secrets-{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        place(folder / "database.json", {"user": user, "password": password})
        place(folder / "signing_keys.json", {"current": FIRST_KEY["kid"], "keys": [FIRST_KEY]})
        place(folder / "webhook.json", {"accepted": [{"id": "webhook-1", "secret": SECRET}]})
        return folder

    def settings(self, *lines: str, **more: object) -> Path:
        values = {
            "database_host": "127.0.0.1",
            "database_port": self.postgres.port,
            "database_name": "bookings",
            "secrets": str(self.secrets()),
            "listen": "127.0.0.1",
            "drain_seconds": 0,
            **more,
        }
        path = self.folder / f"bookings-{uuid.uuid4().hex[:8]}.env"
        text = [f"BOOKINGS_{name.upper()}={json.dumps(value)}" for name, value in values.items()]
        path.write_text("\n".join([*text, *lines, ""]))
        return path

    def start(self, settings: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(self._command(settings, "serve"), cwd=self.code, text=True)

    def run(self, settings: Path, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(settings, *more), cwd=self.code, capture_output=True, text=True, check=False, timeout=20
        )

    def say(self, *command: str) -> str:
        """Return what a command said that did its work."""
        done = self.run(self.settings(), *command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuse(self, *command: str) -> str:
        """Return what a command said that refused."""
        done = self.run(self.settings(), *command)
        assert (done.returncode, done.stdout) == (1, "")
        return done.stderr

    def schema(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.say("schema"))
        return found

    @staticmethod
    def _command(settings: Path, *more: str) -> list[str]:
        return [sys.executable, "-m", "bookings", "--settings", str(settings), *more]


@pytest.fixture
def program(postgres: Postgres, tmp_path: Path) -> Program:
    return Program(tmp_path, postgres)


@pytest.fixture(scope="session")
def digests() -> dict[str, str]:
    """The releases by the names of their recipes. They were built outside: the hosts have no git."""
    try:
        found: dict[str, str] = json.loads((RELEASES / "digests.json").read_text())
    except OSError as error:
        pytest.fail(f"no releases: {error}\nHINT: make service")
    return found


@pytest.fixture
def release(digests: dict[str, str], postgres: Postgres, tmp_path: Path) -> Callable[[str], Program]:
    """Unpack a release as it is on a host; each but once."""

    def unpack(name: str) -> Program:
        hexadecimal = digests[name].removeprefix("sha256:")
        folder = tmp_path / "releases" / hexadecimal
        if not folder.exists():
            folder.mkdir(parents=True)
            subprocess.run(["tar", "-xzf", str(RELEASES / f"{hexadecimal}.tar.gz"), "-C", str(folder)], check=True)
        return Program(tmp_path, postgres, folder)

    return unpack


@pytest.fixture
def no_schema(postgres: Postgres) -> Iterator[None]:
    """The database before its first release, and left like that: a later release's schema is not for every test."""

    def drop() -> None:
        with postgres.connect() as connection:
            connection.execute("DROP SCHEMA IF EXISTS bookings CASCADE")

    drop()
    yield
    drop()


@pytest.fixture
def start(program: Program) -> Iterator[Callable[..., Instance]]:
    """Start an instance of the working copy or a release, ready unless told otherwise; stopped after the test."""
    instances: list[Instance] = []

    def start_one(code: Program = program, *, ready: bool = True, **settings: object) -> Instance:
        port = free_port()
        if ready:
            code.say("migrate")
        folder = Path(str(settings.pop("secrets", None) or code.secrets()))
        instance = Instance(code.start(code.settings(port=port, secrets=str(folder), **settings)), port, folder)
        instances.append(instance)
        if ready:
            instance.wait_until_ready()
        return instance

    yield start_one
    for instance in instances:
        instance.process.kill()
        instance.process.wait()


@pytest.fixture
def new_key() -> Callable[[str], dict[str, str]]:
    return signing_key


@pytest.fixture
def service(start: Callable[..., Instance]) -> Instance:
    return start()


@pytest.fixture
def event(service: Instance) -> str:
    name = f"event-{uuid.uuid4().hex[:8]}"
    assert service.open_event(name).status == 201
    return name
