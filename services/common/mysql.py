"""One aiomysql pool, its waits counted, and bounded where the profile says so.

Traps of aiomysql stand behind this module. It knows no time for a statement; its time for connecting ends with TCP's
handshake, which a proxy gives at once, and not with MySQL's. `acquire()` waits for ever, and who gives a broken
connection back wakes nobody who waits: so nobody waits in the pool, but at a gate as wide before it. A statement that
was cut short leaves its answer on the way, and the next one on that connection would read it: such a connection is
thrown away. `Pool.wait_closed()` waits for every borrower.

The server ends a statement that is over its time by itself: a lost connection does not stop it. `max_statement_time` is
MariaDB's variable; MySQL has another, in milliseconds.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import aiomysql
import pymysql

from resilience import LinkSettings
from services.common.errors import DependencyDownError
from services.common.metrics import PoolUse

DEFAULT_PORT = 3306
# The library's own, where the profile sets none.
POOL_SIZE = 10
CLOSE_TIMEOUT_S = 0.15
OPEN_ATTEMPTS = 10

# What says "the database is not there for us". TimeoutError is an OSError.
UNAVAILABLE = (OSError, EOFError, pymysql.OperationalError, pymysql.InterfaceError, pymysql.InternalError)
Row = dict[str, Any]


class MySqlDatabase:
    """Owns the pool; open() and close() belong to the lifespan of the process."""

    def __init__(self, url: str, limits: LinkSettings) -> None:
        self._address = address_of(url)
        self._limits = limits
        self._size = limits.pool_size or POOL_SIZE
        self._gate = asyncio.Semaphore(self._size)
        self._pool: Any = None
        self._waiting = 0

    async def open(self) -> None:
        """Connect; raises DependencyDownError. At the start, when all starts at once, it tries more than once."""
        options: dict[str, Any] = {**self._address, "charset": "utf8mb4", "autocommit": True}
        if self._limits.command_timeout_s is not None:
            options["init_command"] = f"SET SESSION max_statement_time = {self._limits.command_timeout_s:.3f}"
        with unavailable_is_down():
            for attempt in range(1, OPEN_ATTEMPTS + 1):
                try:
                    async with asyncio.timeout(self._limits.connect_timeout_s):
                        self._pool = await aiomysql.create_pool(minsize=1, maxsize=self._size, **options)
                except (TimeoutError, pymysql.OperationalError):
                    if attempt == OPEN_ATTEMPTS:
                        raise
                else:
                    break
        if self._limits.acquire_timeout_s is not None:
            await self._fill()

    async def close(self) -> None:
        """Close the pool, by force where somebody still holds a connection after CLOSE_TIMEOUT_S."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        pool.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await pool.wait_closed()
        except UNAVAILABLE:
            pool.terminate()
        except asyncio.CancelledError:
            pool.terminate()
            raise

    def use(self) -> PoolUse:
        """Return how the pool stands. Asks nobody, so it answers whatever the database does."""
        pool = self._pool
        size = 0 if pool is None else pool.size
        return PoolUse(size=size, used=size - (0 if pool is None else pool.freesize), waiting=self._waiting)

    async def rows(self, statement: str, *arguments: object) -> Sequence[Row]:
        """Return all rows of a statement; raises DependencyDownError, or pymysql's own where it was refused."""
        with unavailable_is_down():
            async with self._held() as held:
                timeout = asyncio.timeout(self._limits.command_timeout_s)
                async with timeout, held.cursor(aiomysql.DictCursor) as cursor:
                    await cursor.execute(statement, arguments)
                    found: Sequence[Row] = await cursor.fetchall()
                    return found

    async def _fill(self) -> None:
        """Connect as often as the pool may, now: on a slow link MySQL's handshake takes longer than a bounded wait.

        Not by the pool's own least size: it makes up for lost ones before it lends what it has.
        """
        held = []
        # With fewer it serves, too.
        with contextlib.suppress(*UNAVAILABLE):
            for _ in range(self._size):
                async with asyncio.timeout(self._limits.connect_timeout_s):
                    held.append(await self._pool.acquire())
        for one in held:
            self._pool.release(one)

    async def ping(self) -> None:
        """Ask the database, for a readiness check; raises DependencyDownError."""
        await self.rows("SELECT 1 AS one")

    @contextlib.asynccontextmanager
    async def _held(self) -> AsyncIterator[Any]:
        """Lend a connection; what was cut short on it closes it."""
        async with contextlib.AsyncExitStack() as gate:
            self._waiting += 1
            try:
                # What connects in here is bounded by it, too.
                async with asyncio.timeout(self._limits.acquire_timeout_s):
                    await gate.enter_async_context(self._gate)
                    pool = self._pool
                    if pool is None:
                        raise DependencyDownError("database", "the pool is not open")
                    held = await pool.acquire()
            finally:
                self._waiting -= 1
            try:
                yield held
            except pymysql.ProgrammingError:
                raise
            except BaseException:
                held.close()
                raise
            finally:
                # A connection that was closed is forgotten by it.
                pool.release(held)


def address_of(url: str) -> dict[str, Any]:
    """Return a `mysql://user@host:port/database` as aiomysql's options."""
    parts = urlsplit(url)
    return {
        "host": parts.hostname,
        "port": parts.port or DEFAULT_PORT,
        "user": parts.username or "",
        "password": parts.password or "",
        "db": parts.path.strip("/"),
    }


@contextlib.contextmanager
def unavailable_is_down() -> Iterator[None]:
    """Tell what says that the database is not there as DependencyDownError."""
    try:
        yield
    except UNAVAILABLE as exc:
        raise DependencyDownError("database", str(exc) or type(exc).__name__) from exc
