"""One asyncpg pool, its waits counted, and bounded where the profile says so.

Three traps of asyncpg stand behind this module. `acquire()` waits for ever. A cancelled or timed-out statement makes
`release()` wait until the server confirms the cancellation, so a deadline of 1 s around both takes 2 s, or for ever on
a dead link. `Pool.close()` waits for every borrower.

Round trips: a statement here is one, and giving the connection back is another (the pool resets the session). The first
use of a statement on a connection adds one more, to prepare it. So a step holds a connection for 2 round trips; on a
link slowed by 800 ms ten connections carry 10 / (2 x 0.8 s) = 6.25 steps per second. Where the profile leaves the reset
out, it is 1 round trip, and twice the steps.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import asyncpg

from resilience import LinkSettings
from services.common.errors import DependencyBrokenError, DependencyDownError
from services.common.metrics import PoolUse

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

# What says "the database is not there for us", as opposed to "this statement is wrong". TimeoutError is an OSError.
UNAVAILABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
)
# pool.close() is polite for this long, then connections are cut: a stop must not wait for a dead link.
CLOSE_TIMEOUT_S = 0.15
OPEN_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits on one use of the pool, in seconds; None is the library's own: for ever."""

    acquire_s: float | None
    command_s: float | None


class Database:
    """Owns the pool; open() and close() belong to the lifespan of the process."""

    def __init__(self, url: str, limits: LinkSettings) -> None:
        self._url = url
        self._connect_s = limits.connect_timeout_s
        self._pool_size = limits.pool_size
        self._reset_sessions = limits.reset_sessions
        self._bounds = Bounds(limits.acquire_timeout_s, limits.command_timeout_s)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._waiting = 0

    async def open(self) -> None:
        """Connect; raises DependencyDownError. What the profile does not set is left to asyncpg: 10 connections.

        A profile's bound is for customers; at the start, when everything starts at once, there are OPEN_ATTEMPTS.
        """
        options: dict[str, Any] = {} if self._connect_s is None else {"timeout": self._connect_s}
        if self._pool_size is not None:
            options |= {"min_size": self._pool_size, "max_size": self._pool_size}
        if self._bounds.command_s is not None:
            # A statement whose connection we dropped would go on in the server and hold its locks.
            options["server_settings"] = {"statement_timeout": f"{self._bounds.command_s * 1000:.0f}"}
        if not self._reset_sessions:
            # asyncpg still ends a transaction that is open, and forgets listeners.
            options["reset"] = _leave
        with _unavailable_is_down():
            for attempt in range(1, OPEN_ATTEMPTS + 1):
                try:
                    self._pool = await asyncpg.create_pool(self._url, **options)
                except TimeoutError:
                    if attempt == OPEN_ATTEMPTS:
                        raise
                else:
                    return

    async def close(self) -> None:
        """Close the pool, by force where somebody still holds a connection after CLOSE_TIMEOUT_S."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await pool.close()
        except (TimeoutError, *UNAVAILABLE):
            # A cancelled close() has terminated the pool itself; any other failure of it has not.
            pool.terminate()

    def use(self) -> PoolUse:
        """Return how the pool stands. Asks nobody, so it answers whatever the database does."""
        pool = self._pool
        size = 0 if pool is None else pool.get_size()
        idle = 0 if pool is None else pool.get_idle_size()
        return PoolUse(size=size, used=size - idle, waiting=self._waiting)

    async def row(self, statement: str, *arguments: object) -> asyncpg.Record | None:
        """Return the first row of a statement, or None.

        Raises DependencyDownError, or asyncpg's own errors where the statement was refused.
        """
        timeout_s = self._bounds.command_s
        # The bound is passed with the statement, so that preparing and executing share it.
        return await self._with(self._bounds, lambda held: held.fetchrow(statement, *arguments, timeout=timeout_s))

    async def one(self, statement: str, *arguments: object) -> asyncpg.Record:
        """Return the row of a statement that always has one; raises as row() does."""
        row = await self.row(statement, *arguments)
        if row is None:
            raise DependencyBrokenError("database", "a statement that always has a row had none")
        return row

    async def rows(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Return all rows of a statement; raises as row() does."""
        timeout_s = self._bounds.command_s
        return await self._with(self._bounds, lambda held: held.fetch(statement, *arguments, timeout=timeout_s))

    async def ping(self, *, bound_s: float) -> None:
        """Ask the database through the pool that the work uses, for a readiness check; raises DependencyDownError."""
        bounds = Bounds(bound_s, bound_s)
        await self._with(bounds, lambda held: held.fetchval("SELECT 1", timeout=bound_s))

    async def _with(self, bounds: Bounds, work: Callable[[Connection], Awaitable[T]]) -> T:
        pool = self._pool
        if pool is None:
            raise DependencyDownError("database", "the pool is not open")
        with _unavailable_is_down():
            self._waiting += 1
            try:
                # asyncpg keeps this timeout as the bound of the release, too.
                held = await pool.acquire(timeout=bounds.acquire_s)
            finally:
                self._waiting -= 1
            try:
                return await work(held)
            except asyncpg.PostgresError:
                raise
            except BaseException:
                # A statement cut short: the release would now wait for the server to confirm that. Where the profile
                # bounds waits, the connection is dropped instead and the caller leaves at once.
                if bounds.acquire_s is not None:
                    held.terminate()
                raise
            finally:
                # The statement's result stands even if the session cannot be reset; asyncpg drops such a connection.
                with contextlib.suppress(*UNAVAILABLE):
                    await pool.release(held)


async def _leave(_held: Connection) -> None:
    """Leave a session as it is."""


@contextlib.contextmanager
def _unavailable_is_down() -> Iterator[None]:
    try:
        yield
    except UNAVAILABLE as exc:
        raise DependencyDownError("database", str(exc) or type(exc).__name__) from exc
