"""What a command over SSH gives back is whole, however its last packets arrive."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from drills.connection import Answer, _collect

if TYPE_CHECKING:
    import paramiko


class LateChannel:
    """Its data arrives with the exit code and the end of the stream, just after a look that found nothing."""

    closed = False

    def __init__(self) -> None:
        self.waiting = b""
        self.eof_received = False

    def recv_ready(self) -> bool:
        return bool(self.waiting)

    def recv_stderr_ready(self) -> bool:
        return False

    def exit_status_ready(self) -> bool:
        if not self.eof_received:
            self.waiting, self.eof_received = b"t|7|\n", True
        return True

    def recv(self, _: int) -> bytes:
        read, self.waiting = self.waiting, b""
        return read

    def recv_exit_status(self) -> int:
        return 0

    def close(self) -> None:
        self.closed = True


def test_what_arrives_with_the_end_is_not_lost() -> None:
    assert _collect(cast("paramiko.Channel", LateChannel()), time.monotonic() + 5) == Answer(0, "t|7|\n", "")
