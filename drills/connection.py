"""One SSH connection per host, kept open, so that a look costs milliseconds and not a handshake."""

from __future__ import annotations

import os
import shlex
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paramiko

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT_SECONDS = 3.0


class UnreachableError(Exception):
    """The host did not answer over SSH; the text says what was tried and what came back."""


@dataclass(frozen=True)
class Answer:
    """What a command on a host gave back."""

    exit_code: int
    out: str
    err: str


class Connection:
    """Runs commands on one host over one SSH connection; several threads may use it at once."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        """Take the address, user, key and known hosts from the inventory's variables of one host."""
        self.address = str(variables["ansible_host"])
        self.port = int(variables.get("ansible_port", 22))
        self._user = str(variables.get("ansible_user", "root"))
        self._key = _path(variables.get("ansible_ssh_private_key_file"))
        self._known_hosts = known_hosts_file(variables)
        self._client: paramiko.SSHClient | None = None
        self._connecting = threading.Lock()

    def run(self, command: str, *, timeout: float) -> Answer:
        """Run one shell command and wait for its end, `timeout` seconds at most.

        A connection that turns out to be dead is opened anew once.

        Raises:
            UnreachableError: The host cannot be reached, or the command did not end in time.
        """
        ends = time.monotonic() + timeout
        fresh = not self._is_open()
        try:
            return self._attempt(command, ends)
        except UnreachableError:
            if fresh or time.monotonic() >= ends:
                raise
        return self._attempt(command, ends)

    def close(self) -> None:
        """End the connection; the next `run` opens another."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _is_open(self) -> bool:
        transport = self._client.get_transport() if self._client else None
        return transport is not None and transport.is_active()

    def _attempt(self, command: str, ends: float) -> Answer:
        try:
            transport = self._open(ends)
            channel = transport.open_session(timeout=max(ends - time.monotonic(), 0.05))
            channel.settimeout(max(ends - time.monotonic(), 0.05))
            channel.exec_command(command)
            return _collect(channel, ends)
        except (paramiko.SSHException, OSError, EOFError) as error:
            self.close()
            raise UnreachableError(f"SSH to {self.address}: {error or type(error).__name__}") from error

    def _open(self, ends: float) -> paramiko.Transport:
        with self._connecting:
            if not self._is_open():
                self._client = self._connect(min(CONNECT_SECONDS, max(ends - time.monotonic(), 0.05)))
            transport = self._client.get_transport() if self._client else None
        if transport is None:
            raise UnreachableError(f"SSH to {self.address}: the connection was closed meanwhile")
        return transport

    def _connect(self, timeout: float) -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        if self._known_hosts is not None and self._known_hosts.exists():
            client.load_host_keys(str(self._known_hosts))
        else:
            client.load_system_host_keys()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        client.connect(
            self.address,
            port=self.port,
            username=self._user,
            key_filename=str(self._key) if self._key else None,
            timeout=timeout,
            banner_timeout=timeout,
            auth_timeout=timeout,
            look_for_keys=self._key is None,
            allow_agent=self._key is None,
        )
        return client


def port_is_open(address: str, port: int, *, timeout: float) -> bool:
    """Whether a TCP connection can be made within `timeout` seconds."""
    try:
        with socket.create_connection((address, port), timeout=timeout):
            return True
    except OSError:
        return False


def known_hosts_file(variables: Mapping[str, Any]) -> Path | None:
    """The file of known host keys that the inventory names, be it for drillbook or in OpenSSH's own words."""
    named = _path(variables.get("ssh_known_hosts_file"))
    if named is not None:
        return named
    for name in ("ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args"):
        for word in shlex.split(str(variables.get(name, ""))):
            _, found, file = word.removeprefix("-o").strip().partition("UserKnownHostsFile=")
            if found:
                return _path(file)
    return None


def _path(value: object) -> Path | None:
    return Path(os.path.expandvars(str(value))).expanduser() if value else None


def _collect(channel: paramiko.Channel, ends: float) -> Answer:
    """Read both streams to their end, then the exit code."""
    out, err = bytearray(), bytearray()
    while not channel.closed or channel.recv_ready() or channel.recv_stderr_ready():
        if channel.recv_ready():
            out += channel.recv(65536)
        elif channel.recv_stderr_ready():
            err += channel.recv_stderr(65536)
        elif channel.exit_status_ready() and channel.eof_received:
            # What came between the looks above and this one is all there is.
            if not (channel.recv_ready() or channel.recv_stderr_ready()):
                break
        elif time.monotonic() >= ends:
            channel.close()
            raise UnreachableError("the command did not end in time")
        else:
            channel.status_event.wait(0.005)
    code = channel.recv_exit_status()
    channel.close()
    return Answer(code, out.decode(errors="replace"), err.decode(errors="replace"))
