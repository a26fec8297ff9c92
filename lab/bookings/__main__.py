"""Runs one instance, or changes the schema: `python3 -m bookings --settings FILE serve|migrate|…`."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import uvicorn

from .migration import MigrationError, contract, migrate, migrate_down, schema
from .secret import SecretError
from .service import Service
from .settings import Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from types import FrameType

EX_CONFIG = 78  # systemd shows it as CONFIG
DATABASE_HINT = "HINT: nothing was changed; mend what it says, then do the same again"


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


def run(arguments: argparse.Namespace) -> None:
    """Do what the command line says, and print what was done."""
    settings = read_settings(arguments.settings)
    match arguments.command:
        case "serve":
            serve(settings)
        case "migrate":
            report("applied", migrate(settings))
        case "migrate-down":
            report("reverted", migrate_down(settings, arguments.to))
        case "contract":
            report("applied", contract(settings))
        case "schema":
            sys.stdout.write(json.dumps(schema(settings).as_json()) + "\n")


def report(verb: str, names: list[str]) -> None:
    """Print one line for each file."""
    for name in names:
        sys.stdout.write(f"{verb} {name}\n")


def command_line() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="bookings", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="the file with BOOKINGS_… lines")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="take bookings until SIGTERM")
    commands.add_parser("migrate", help="add what this release needs; the release before goes on working")
    down = commands.add_parser("migrate-down", help="undo what this release does not know")
    down.add_argument("--to", type=int, metavar="N", help="undo everything above version N instead")
    commands.add_parser("contract", help="take away what only old releases need; there is no way back")
    commands.add_parser("schema", help="say whether this release and the schema go together, as JSON")
    return parser


def main() -> int:
    """Run the command line; return the exit code."""
    arguments = command_line().parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        run(arguments)
    except (SettingsError, SecretError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return EX_CONFIG
    except MigrationError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except psycopg.Error as error:
        sys.stderr.write(f"error: {arguments.command}: the database: {str(error).strip()}\n{DATABASE_HINT}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
