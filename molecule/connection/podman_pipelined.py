"""Reaches the hosts of molecule's scenarios with one call of podman for each task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.containers.podman.plugins.connection import podman

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCUMENTATION = r"""
name: podman_pipelined
short_description: Run tasks in a podman container, pipelined
description:
  - The connection of the collection containers.podman, with pipelining, which that one does not offer.
  - It copies each module into the container first, and that makes a task take twice as long.
author: Drillbook
options:
  remote_addr:
    description: Name of the container.
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
  remote_user:
    description: The user to run as.
    vars:
      - name: ansible_user
  podman_extra_args:
    description: Further arguments of podman.
    default: ""
  podman_executable:
    description: The program to run.
    default: podman
    vars:
      - name: ansible_podman_executable
"""


class Connection(podman.Connection):  # type: ignore[misc]  # the collection has no types
    """The collection's connection, with pipelining."""

    transport = "podman_pipelined"
    has_pipelining = True

    def _connect(self) -> None:
        """Does nothing yet: only a file that is copied needs the container's file system."""
        self._connected = True

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copies a file into the container."""
        super()._connect()
        super().put_file(in_path, out_path)

    def _podman(
        self,
        cmd: str | list[str],
        cmd_args: Sequence[str | bytes] | None = None,
        in_data: bytes | None = None,
        use_container_id: bool = True,  # noqa: FBT001, FBT002  as the collection has it
    ) -> tuple[int, bytes, bytes]:
        if in_data and cmd[0] == "exec":
            cmd = ["exec", "--interactive", *cmd[1:]]
        answer: tuple[int, bytes, bytes] = super()._podman(cmd, cmd_args, in_data, use_container_id)
        return answer
