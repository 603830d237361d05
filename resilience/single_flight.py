"""One call where many want the same at once.

When a popular cache entry runs out, everybody asks for it anew, and the dependency gets in one moment what the cache
kept away from it. Here the first caller's call flies for all; who comes while it is in flight takes a seat.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Any, TypeVar

from resilience.events import CallShared, Listener

T = TypeVar("T")


class _Flight:
    """A call in flight and how many wait for it."""

    __slots__ = ("callers", "task")

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task
        self.callers = 0


class SingleFlight:
    """Shares calls by key. Safe for any number of calls at once in one event loop.

    A flight belongs to none of its callers: one that is cancelled leaves, and the flight goes on for the others. When
    the last one leaves, it is cancelled, and nobody joins it any more.
    """

    def __init__(self, link: str, *, listener: Listener) -> None:
        self.link = link
        self._listener = listener
        self._flights: dict[Hashable, _Flight] = {}
        self._shared = CallShared(link)

    @property
    def in_flight(self) -> int:
        """Return how many keys have a call in flight."""
        return len(self._flights)

    async def call(self, key: Hashable, operation: Callable[[], Awaitable[T]]) -> T:
        """Return what `operation()` returns, or what the flight for `key` returns where there is one.

        All callers get the same object, and the same error object where it fails; the next call after its end starts
        anew. The flight is a task of its own in the first caller's context (its deadline, its trace): a caller who
        joins waits for as long as that one's call takes, unless its own timeout stands around this. An operation must
        not call for its own key: it would wait for itself.
        """
        flight = self._flights.get(key)
        if flight is None or flight.task.done():
            flight = self._flights[key] = _Flight(asyncio.ensure_future(_awaited(operation)))
            flight.task.add_done_callback(partial(self._forget, key))
        else:
            self._listener(self._shared)
        flight.callers += 1
        try:
            await asyncio.wait((flight.task,))
        except BaseException as error:
            flight.callers -= 1
            if not flight.callers:
                self._forget(key, flight.task)
                flight.task.cancel()
                # A closed coroutine may not wait any more; a cancelled one waits for the clean-up, and a second
                # cancellation goes on to it.
                if isinstance(error, asyncio.CancelledError):
                    await asyncio.gather(flight.task, return_exceptions=True)
            raise
        result: T = flight.task.result()
        return result

    def _forget(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        """Take a flight off the board, unless another one has taken its place."""
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]


async def _awaited(operation: Callable[[], Awaitable[T]]) -> T:
    """Be a coroutine, which a task needs, whatever the operation returns."""
    return await operation()
