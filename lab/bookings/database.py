"""Connections to the primary, and an honest answer to "has it been written?".

Connections go through the load balancer's TCP port, not to a database server, for three reasons. It is the one place
where an old primary is cut off for every client at once. It ends sessions that are established but silent, which a
client of a frozen server would otherwise wait on. And pg_hba admits this service from the balancer alone, so there
is no way around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from .pool import Pool, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .pool import Row, Session
    from .secret import Credentials
    from .settings import Settings

# Errors that the server sends instead of executing or committing: bad data (22, 23), a read-only server (25), a
# deadlock (40P01), no such schema, table or function (3F, 42), a lock not to be had in time (55), out of resources
# (53), the schema changed beneath a prepared statement (0A). Not in the list is 57014, "canceled": a cancel that
# arrives just after a commit is answered with the same error.
ROLLED_BACK = ("0A", "22", "23", "25", "3F", "40001", "40P01", "42", "53", "55")


class Indeterminate(Exception):  # noqa: N818 - it is an answer, not a bug
    """It may have been written or not, or was written on one machine alone. It must not be acknowledged."""


class Database:
    """The primary, with the two things done there: `write` and `read`."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self._settings = settings
        self.pool = Pool(conninfo(settings, credentials), least=settings.pool_min, most=settings.pool_max)

    async def sign_in(self, credentials: Credentials) -> None:
        """Use these credentials from now on; no request waits for it or fails by it.

        Raises:
            psycopg.Error: the database does not take them, or cannot be reached; the former ones stay in use.
        """
        await self.pool.use(conninfo(self._settings, credentials))

    async def write(self, statement: LiteralString, values: Sequence[object]) -> Row:
        """Return the one row of a statement that writes; when this returns, it is committed and replicated.

        The statement is its own transaction (autocommit): one round trip. It has no timeout and is not cancelled,
        since a cancelled wait for the standby would commit on the primary alone. The server then says "success",
        with a warning; hence a warning makes it indeterminate. So does an answer without the "ready for query"
        which follows the commit: the row alone is sent before.

        Raises:
            Unavailable: surely nothing was written.
            Indeterminate: nobody knows, or it is not replicated.
        """
        async with self.pool.session() as session:
            session.warning = None
            try:
                cursor = await session.execute(statement, values, prepare=True)
                row = await cursor.fetchone()
            except psycopg.Error as error:
                if is_rolled_back(error, session):
                    raise Unavailable(f"{error.sqlstate}: {error}") from error
                raise Indeterminate(str(error)) from error
            if session.warning:
                raise Indeterminate(session.warning)
            if row is None or session.info.transaction_status != TransactionStatus.IDLE:
                raise Indeterminate("the answer was cut off before the commit was confirmed")
            return row

    async def read(self, query: LiteralString, values: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a query that changes nothing.

        Raises:
            Unavailable: the rows cannot be had.
        """
        async with self.pool.session() as session:
            try:
                cursor = await session.execute(query, values, prepare=True)
                return await cursor.fetchall()
            except psycopg.Error as error:
                raise Unavailable(str(error)) from error


def conninfo(settings: Settings, credentials: Credentials) -> str:
    """Return libpq's connection string.

    `target_session_attrs` refuses a standby during connecting, at no cost: the server reports it by itself.
    `statement_timeout` is pinned to 0 since it would cut the wait for the standby short, whoever had set it.
    `lock_timeout` ends the wait behind another caller of the same seat or key before the customer loses patience;
    no lock is waited for during a commit. The keepalives end a connection to a balancer that vanished.
    """
    return make_conninfo(
        host=settings.database_host,
        port=settings.database_port,
        dbname=settings.database_name,
        user=credentials.user,
        password=credentials.password,
        application_name="bookings",
        target_session_attrs="read-write",
        keepalives_idle=2,
        keepalives_interval=1,
        keepalives_count=3,
        tcp_user_timeout=5000,
        options="-c statement_timeout=0 -c lock_timeout=800ms",
    )


def is_rolled_back(error: psycopg.Error, session: Session) -> bool:
    """Tell whether the server itself said that it did not do it, and is ready for the next statement."""
    return (
        error.sqlstate is not None
        and error.sqlstate.startswith(ROLLED_BACK)
        and session.info.transaction_status == TransactionStatus.IDLE
    )
