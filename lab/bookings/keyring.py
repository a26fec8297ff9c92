"""The secrets in use, and how newer ones come into use while requests go on.

The files are looked at, not waited for: an instance that nobody told of a new file takes it all the same, so what an
interrupted rotation has placed is never half in use for long.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import psycopg

from .secret import (
    DATABASE,
    FILES,
    SIGNING_KEYS,
    WEBHOOK,
    SecretError,
    read_credentials,
    read_signing_keys,
    read_webhook_secrets,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from .secret import Credentials

    SignIn = Callable[[Credentials], Awaitable[None]]

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5


class Keyring:
    """The secrets of a folder. Those of a file that cannot be used never replace those that could."""

    def __init__(self, folder: Path) -> None:
        """Read all files.

        Raises:
            SecretError: one of them cannot be used.
        """
        self._folder = folder
        # Before they are read: a file that is replaced in between is then read once more.
        self._taken = {name: self._modified(name) for name in FILES}
        self._refused: dict[str, str] = {}
        self.credentials = read_credentials(folder)
        self.signing = read_signing_keys(folder)
        self.webhook = read_webhook_secrets(folder)

    @asynccontextmanager
    async def watched(self, sign_in: SignIn) -> AsyncIterator[None]:
        """Take newer files into use as they come; `sign_in` makes the database use newer credentials."""
        watcher = asyncio.create_task(self._watch(sign_in))
        try:
            yield
        finally:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher

    def keys_in_use(self) -> list[tuple[str, str]]:
        """Return kind and id of each key that signs, and of each that is accepted; never a value."""
        verifying = [("verifying", kid) for kid in self.signing.public]
        webhook = [("webhook", name) for name in self.webhook.accepted]
        return [("signing", self.signing.current), *verifying, *webhook]

    def files_in_use(self) -> dict[str, float]:
        """Return for each file when the one in use was made, in seconds since 1970."""
        return dict(self._taken)

    async def _look(self, sign_in: SignIn) -> None:
        """Take each file into use that is another one than before."""
        for name in FILES:
            modified = self._modified(name)
            if modified != self._taken[name]:
                try:
                    await self._take(name, sign_in)
                except (SecretError, psycopg.Error) as error:
                    self._refuse(name, str(error).strip())
                else:
                    self._taken[name] = modified
                    self._refused.pop(name, None)
                    log.warning("%s is in use as it is now", name)

    async def _watch(self, sign_in: SignIn) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look(sign_in)

    async def _take(self, name: str, sign_in: SignIn) -> None:
        if name == DATABASE:
            credentials = read_credentials(self._folder)
            await sign_in(credentials)
            self.credentials = credentials
        elif name == SIGNING_KEYS:
            self.signing = read_signing_keys(self._folder)
        elif name == WEBHOOK:
            self.webhook = read_webhook_secrets(self._folder)

    def _modified(self, name: str) -> float:
        """Return when the file was made, in seconds since 1970; 0 if there is none."""
        try:
            return (self._folder / name).stat().st_mtime
        except OSError:
            return 0.0

    def _refuse(self, name: str, because: str) -> None:
        """Log why the former secrets stay in use; once, and not at every look."""
        if self._refused.get(name) != because:
            self._refused[name] = because
            log.error("%s cannot be used, the former one stays in use: %s", name, because)
