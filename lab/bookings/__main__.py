"""Runs one instance: `python3 -m bookings --settings FILE`; `--migrate` brings the schema up to date instead."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import uvicorn

from .migration import migrate
from .service import Service
from .settings import Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from types import FrameType

EX_CONFIG = 78  # systemd shows it as CONFIG


class DrainingServer(uvicorn.Server):
    """Leaves in three steps on SIGTERM: not ready, then no new connections, then the last answer.

    The first step lasts long enough for the load balancer to look; a second signal skips it.
    """

    def __init__(self, config: uvicorn.Config, service: Service, drain_seconds: float) -> None:
        super().__init__(config)
        self._service = service
        self._drain_seconds = drain_seconds
        self._leave_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop being ready; leave when the drain is over."""
        if self._leave_at is None and self._drain_seconds > 0:
            self._service.draining = True
            self._leave_at = time.monotonic() + self._drain_seconds
        elif self.should_exit:
            super().handle_exit(sig, frame)
        else:
            self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Tell uvicorn's loop, ten times a second, whether to leave."""
        if self._leave_at is not None and time.monotonic() >= self._leave_at:
            self.should_exit = True
        return await super().on_tick(counter)


def serve(settings: Settings) -> None:
    """Serve until a signal comes and the running requests are done."""
    service = Service(settings)
    config = uvicorn.Config(
        service.app(),
        host=settings.listen,
        port=settings.port,
        log_level="warning",
        access_log=False,  # the balancer writes one, and customers' names do not belong in a second
        lifespan="on",
        timeout_keep_alive=75,  # longer than the balancer keeps an idle connection: it closes first
        server_header=False,
    )
    DrainingServer(config, service, settings.drain_seconds).run()


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="bookings", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="the file with BOOKINGS_… lines")
    parser.add_argument("--migrate", action="store_true", help="bring the schema up to date and leave")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        settings = read_settings(arguments.settings)
        if arguments.migrate:
            for name in migrate(settings):
                sys.stdout.write(f"applied {name}\n")
        else:
            serve(settings)
    except (SettingsError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return EX_CONFIG
    except psycopg.Error as error:
        sys.stderr.write(f"error: cannot migrate the schema: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
