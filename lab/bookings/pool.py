"""Connections that are there again the moment the database is.

psycopg_pool was tried first, and is not used. After a failed attempt it sleeps 1, 2, 4 … s. Told to give up instead
(`reconnect_timeout=0`), it no longer tries by itself; a request that timed out stays in its queue until a connection
comes, so with `max_waiting` the queue is soon full of the departed, every new request is refused before it could
start an attempt, and the pool stays empty for good. Without `max_waiting` that queue grows throughout the outage.
"""

from __future__ import annotations

import asyncio
import logging
import select
import time
from collections import deque
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = logging.getLogger(__name__)

Row = tuple[Any, ...]

WAIT_SECONDS = 0.8  # for a connection; a customer's patience is 1 s, and the answer "no" has to fit in as well
CONNECT_SECONDS = 0.7  # a connection attempt that takes longer went to a machine that is not there
PACE_SECONDS = 0.03  # after a failed attempt: not a busy loop, yet nothing beside an outage
ATTEMPTS = 2  # at the same time: one may hang without holding up the other
MAX_WAITING = 256  # a hiccup of half a second at some hundred requests a second; more would only wait in vain
KEEP_SECONDS = 1.0  # between two looks at the idle connections


class Unavailable(Exception):  # noqa: N818 - it is an answer, not a bug
    """Surely nothing was written: no connection, or the server refused before the commit."""


class Session(psycopg.AsyncConnection[Row]):
    """A connection that keeps the warning of the running statement."""

    warning: str | None = None
    conninfo: str = ""  # what it was made with

    def note_warning(self, notice: psycopg.errors.Diagnostic) -> None:
        """Remember a warning; `severity_nonlocalized` is the same in every language the server may speak."""
        if notice.severity_nonlocalized == "WARNING":
            self.warning = f"{notice.sqlstate}: {notice.message_primary}"

    def is_silent(self) -> bool:
        """Tell whether the idle connection has nothing to read. If it has, that is its end, or news of its end.

        It costs microseconds and no round trip, and it finds the connections which the balancer has shut down
        before anything is sent on them.
        """
        if self.closed:
            return False
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return not poll.poll(0)


class Pool:
    """At most `most` connections at a time. A caller who finds none idle opens one, and keeps trying in his time."""

    def __init__(self, conninfo: str, *, least: int, most: int) -> None:
        self._conninfo = conninfo
        self._least = least
        self._most = most
        self._idle: deque[Session] = deque()
        self._waiting = 0
        self._reachable = True
        self._lent: set[Session] = set()
        self._newer = asyncio.Event()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Keep `least` connections open. They are not waited for: without a database the service is still alive."""
        self._places = asyncio.Semaphore(self._most)
        self._attempts = asyncio.Semaphore(ATTEMPTS)
        keeper = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper
            while self._idle:
                await self._idle.pop().close()

    def figures(self) -> dict[str, int]:
        """Return the pool's state: connections allowed, idle and lent, and requests that wait for one."""
        lent = self._most - self._places._value  # noqa: SLF001 - asyncio has no public name for it
        return {"allowed": self._most, "idle": len(self._idle), "lent": lent, "waiting": self._waiting}

    def users(self) -> list[str]:
        """Return who the database takes us for: the user of new connections, and those of connections still open."""
        made_with = {one.conninfo for one in (*self._idle, *self._lent) if not one.closed}
        return sorted({str(conninfo_to_dict(one)["user"]) for one in (self._conninfo, *made_with)})

    async def use(self, conninfo: str) -> None:
        """Make new connections with it, and replace the others: idle ones one by one, lent ones when they are back.

        Raises:
            psycopg.Error: no connection could be made with it; nothing is changed.
        """
        if conninfo != self._conninfo:
            fresh = await self._connect(conninfo)
            self._conninfo = conninfo
            await self._replace_former(fresh)
            self._newer.set()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Lend a live connection on which nothing has been sent; if the borrower fails, it is not used again.

        Raises:
            Unavailable: there is none within WAIT_SECONDS, or too many wait for one.
        """
        if self._waiting >= MAX_WAITING:
            raise Unavailable(f"{self._waiting} requests are already waiting for a connection")
        deadline = time.monotonic() + WAIT_SECONDS
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable(f"no free connection within {WAIT_SECONDS} s") from None
        finally:
            self._waiting -= 1
        try:
            session = await self._take(deadline)
            self._lent.add(session)
            try:
                yield session
            except BaseException:
                await session.close()
                raise
            finally:
                self._lent.discard(session)
            await self._give_back(session)
        finally:
            self._places.release()

    async def _give_back(self, session: Session) -> None:
        if session.conninfo == self._conninfo:
            self._idle.append(session)
        else:
            await session.close()

    async def _take(self, deadline: float) -> Session:
        """Return an idle connection that is alive, or a new one. The dead are buried on the way."""
        while self._idle:
            session = self._idle.pop()
            if session.is_silent():
                return session
            await session.close()
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                while True:
                    with suppress(psycopg.Error):
                        return await self._connect(self._conninfo)
        except TimeoutError:
            raise Unavailable(f"no connection to a primary within {WAIT_SECONDS} s") from None

    async def _connect(self, conninfo: str) -> Session:
        """Return a new connection, or raise psycopg.Error after a pause."""
        async with self._attempts:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    session = await Session.connect(conninfo, autocommit=True)
            except TimeoutError:
                self._note_reachable(conninfo, reachable=False)
                raise psycopg.OperationalError(f"no connection within {CONNECT_SECONDS} s") from None
            except psycopg.Error:
                self._note_reachable(conninfo, reachable=False)
                await asyncio.sleep(PACE_SECONDS)
                raise
        session.conninfo = conninfo
        session.add_notice_handler(session.note_warning)
        self._note_reachable(conninfo, reachable=True)
        return session

    async def _keep(self) -> None:
        """Bury the dead among the idle, then open or close one until there are `least`; again every KEEP_SECONDS."""
        while True:
            self._newer.clear()
            for _ in range(len(self._idle)):
                session = self._idle.popleft()
                if session.is_silent() and len(self._idle) < self._most:
                    self._idle.append(session)
                else:
                    await session.close()
            with suppress(psycopg.Error):
                await self._renew()
                while len(self._idle) < self._least:
                    self._idle.appendleft(await self._connect(self._conninfo))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._newer.wait(), KEEP_SECONDS)

    async def _renew(self) -> None:
        """Replace what is idle and was made with former credentials, one by one: first the new one, then the old."""
        while self._former():
            await self._replace_former(await self._connect(self._conninfo))

    async def _replace_former(self, fresh: Session) -> None:
        """Keep the new connection and end a former one; there may be none, for they are lent as well."""
        self._idle.append(fresh)
        if former := self._former():
            self._idle.remove(former)
            await former.close()

    def _former(self) -> Session | None:
        return next((one for one in self._idle if one.conninfo != self._conninfo), None)

    def _note_reachable(self, conninfo: str, *, reachable: bool) -> None:
        """Log the change, not each of a thousand failures, nor the refusal of credentials that are only tried."""
        if conninfo == self._conninfo and reachable is not self._reachable:
            self._reachable = reachable
            log.warning("the database can %s", "be reached again" if reachable else "not be reached")
