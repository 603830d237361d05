"""A connection of one's own to Postgres, and on it a lock that only one process holds: who holds it leads.

Background work stands outside of the pool that customers wait for. The lock is the session's, so it goes with it: with
the process, with the connection, and with a process that is stopped for longer than IDLE_S (Postgres 17 and later).
Whatever is decided by the leader is written on this very connection, so that one who has lost the lock has lost the way
to write.
"""

import hashlib
from typing import Any

import asyncpg

from services.common.errors import DependencyDownError
from services.common.postgres import UNAVAILABLE

# Nobody waits for background work, so it may be patient; a connection is several round trips.
CONNECT_S = 5.0
STATEMENT_S = 5.0
# A leader says something each second; one that has said nothing for this long is stopped or cut off.
IDLE_S = 10


def lock_number(name: str) -> int:
    """Return a 63-bit number for the lock of this name; other users of the database number theirs as they like."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) >> 1


class OwnConnection:
    """Connects when it is first used, and anew after every failure. Not for two tasks at once.

    With the `lock` of a name, `leads()` says whether this process holds it.
    """

    def __init__(self, url: str, *, lock: str | None = None) -> None:
        self._url = url
        self._number = None if lock is None else lock_number(lock)
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        # Whether the lock is held, as far as is known without asking.
        self.leading = False
        # How often it was taken: another number means that another may have led in between.
        self.term = 0

    async def leads(self) -> bool:
        """Return whether this process holds the lock, after trying to take it; raises DependencyDownError."""
        if not self.leading:
            [row] = await self.rows("SELECT pg_try_advisory_lock($1) AS taken", self._number)
            self.leading = bool(row["taken"])
            self.term += self.leading
        return self.leading

    async def rows(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Return the rows of a statement.

        Raises DependencyDownError, and has then let go of the connection and of the lock; asyncpg's own errors where
        the statement was refused.
        """
        try:
            connection = await self._connected()
            return list(await connection.fetch(statement, *arguments, timeout=STATEMENT_S))
        except UNAVAILABLE as exc:
            self.drop()
            raise DependencyDownError("database", str(exc) or type(exc).__name__) from exc
        except BaseException as exc:
            # A statement that was refused has ended. One that was cancelled would go on, and hold the connection.
            if not isinstance(exc, asyncpg.PostgresError):
                self.drop()
            raise

    def drop(self) -> None:
        """Let go of the connection, and with it of the lock, at once; may be called twice."""
        connection, self._connection = self._connection, None
        self.leading = False
        if connection is not None:
            connection.terminate()

    async def _connected(self) -> "asyncpg.Connection[asyncpg.Record]":
        if self._connection is None or self._connection.is_closed():
            self.drop()
            settings = {
                "statement_timeout": f"{STATEMENT_S * 1000:.0f}",
                "idle_session_timeout": f"{IDLE_S * 1000}",
                # asyncpg asks for a statement before it says with which values: stopped in between, a session is not
                # idle but in a transaction, and would keep the lock for as long as its process stands still.
                "transaction_timeout": f"{IDLE_S * 1000}",
                # The other end is gone and nobody says so: a lock must not outlive that for hours.
                "tcp_keepalives_idle": f"{IDLE_S}",
                "tcp_keepalives_interval": "2",
                "tcp_keepalives_count": "3",
            }
            self._connection = await asyncpg.connect(self._url, timeout=CONNECT_S, server_settings=settings)
        return self._connection
