"""What a key opens, found out by trying it, by other means than the product's own."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jwt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from conftest import Hosts

SIGN_IN = """
import json, sys, psycopg
login = json.load(sys.stdin)
try:
    psycopg.connect(connect_timeout=5, **login).execute("SELECT 1 FROM bookings.events")
    print("open")
except psycopg.OperationalError as error:
    print("shut" if "authentication failed" in str(error) or "not permitted" in str(error) else f"unknown: {error}")
"""
STAY = """
import json, sys, psycopg
try:
    with psycopg.connect(application_name="forgotten", **json.loads(sys.stdin.readline())) as session:
        print("signed in", flush=True)
        session.execute("SELECT pg_sleep(600)")
except psycopg.OperationalError as error:
    print(error)
"""
UNAUTHORIZED, SERVER_ERROR = 401, 500


@dataclass(frozen=True)
class Doors:
    """The hosts of the scenario, and what each kind of key is to open there."""

    hosts: Hosts

    def opened(self, kind: str, keys: Mapping[str, str]) -> set[str]:
        """The ids of those keys that open every door of their kind; none may open some and not others."""
        return {name for name, key in keys.items() if getattr(self, kind)(name, key)}

    def webhook_secret(self, _: str, key: str) -> bool:
        """Whether the service takes a payment that is signed with it."""
        body = json.dumps({"payment": f"test-{uuid.uuid4()}", "booking": str(uuid.uuid4())}).encode()
        signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        return self._answer("/v1/webhooks/payments", body, {"X-Signature": f"sha256={signature}"}) != UNAUTHORIZED

    def signing_key(self, name: str, key: str) -> bool:
        """Whether the service knows a customer by a token that is signed with it."""
        now = int(time.time())
        claims = {"iss": "bookings", "sub": "somebody", "iat": now, "exp": now + 60}
        token = jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": name})
        return self.knows(token)

    def knows(self, token: str) -> bool:
        """Whether the service knows a customer by this token."""
        return self._answer("/v1/bookings?event=none", None, {"Authorization": f"Bearer {token}"}) != UNAUTHORIZED

    def token(self) -> str:
        """A token that the service gives to a customer."""
        request = urllib.request.Request(f"{self._url}/v1/sign-in", b'{"customer": "somebody"}')  # noqa: S310  http
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  the same
            return str(json.load(answer)["token"])

    def database_password(self, _: str, key: str) -> bool:
        """Whether it signs in to the database, from where the service does."""
        command, login = self._python(SIGN_IN), self._login(key)
        done = subprocess.run(command, input=login, capture_output=True, text=True, check=True, timeout=30)
        assert done.stdout.strip() in {"open", "shut"}, done.stdout
        return done.stdout.strip() == "open"

    @contextmanager
    def signed_in(self, key: str) -> Iterator[subprocess.Popen[str]]:
        """A program that is signed in to the database with a login, and stays."""
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen(self._python(STAY), **streams) as program:  # type: ignore[call-overload]
            program.stdin.write(self._login(key) + "\n")
            program.stdin.flush()
            assert program.stdout.readline() == "signed in\n"
            try:
                yield program
            finally:
                self.hosts["app1"].run("pkill --full 'application_name=.forgotten'")
                program.kill()

    def _python(self, text: str) -> list[str]:
        return ["podman", "exec", "--interactive", self.hosts.names["app1"], "python3", "-c", text]

    def _login(self, key: str) -> str:
        return json.dumps({**json.loads(key), "host": self.hosts.names["db1"], "dbname": "bookings"})

    def automation_key(self, _: str, key: str) -> bool:
        """Whether it opens every host; a host that does not answer is no proof."""
        found = {short: self.opens(short, key) for short in self.hosts.names}
        assert len(set(found.values())) == 1, f"it opens some hosts and not others: {found}"
        return all(found.values())

    def opens(self, short: str, key: str) -> bool:
        """Whether an SSH key opens one host."""
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(key)
            file.flush()
            options = "BatchMode=yes IdentitiesOnly=yes IdentityAgent=none ControlPath=none StrictHostKeyChecking=no"
            words = [f"-o{option}" for option in [*options.split(), "UserKnownHostsFile=/dev/null", "ConnectTimeout=5"]]
            command = ["ssh", "-F", "/dev/null", "-i", file.name, *words, f"ops@{self.hosts.address(short)}", "true"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0 or "Permission denied (publickey)" in done.stderr, done.stderr
        return done.returncode == 0

    @property
    def _url(self) -> str:
        return f"http://{self.hosts.address('app1')}:8001"

    def _answer(self, path: str, body: bytes | None, headers: Mapping[str, str]) -> int:
        request = urllib.request.Request(self._url + path, body, dict(headers))  # noqa: S310  http
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  the same
                status = int(answer.status)
        except urllib.error.HTTPError as error:
            status = error.code
        assert status < SERVER_ERROR, f"{path} answers {status}, which proves nothing"
        return status
