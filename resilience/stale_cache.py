"""A cache that answers at once with what it has, renews it behind the answer, and keeps it for the bad days.

A cache that only forgets makes everybody wait whenever a copy runs out, and fails with the dependency at the worst
moment, with the answer of a minute ago in its hands. The two extensions are those of RFC 5861: stale-while-revalidate
and stale-if-error.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from resilience.bounds import require
from resilience.clock import Clock
from resilience.events import CacheAnswered, CacheRefreshed, Listener
from resilience.outcome import Failures, Outcome, judge
from resilience.single_flight import SingleFlight
from resilience.stale_cache_store import Entry, Store
from resilience.states import Freshness, Refresh
from resilience.xfetch import refresh_now

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StaleCacheSettings:
    """How long a copy serves, in seconds one after the other from the moment it was stored.

    `fresh_s`, more than 0: as it is. `stale_s`, at least 0: still at once, while it is renewed in the background.
    `error_s`, at least 0: only where loading fails. `xfetch_beta`, more than 0: renew early, by lot; None does not.
    `refresh_timeout_s`, more than 0: what a renewal in the background may take, for no caller's timeout bounds it.
    """

    fresh_s: float
    stale_s: float
    error_s: float
    xfetch_beta: float | None = None
    refresh_timeout_s: float = 10.0

    def __post_init__(self) -> None:
        require(self, "fresh_s", above=0)
        require(self, "stale_s", at_least=0)
        require(self, "error_s", at_least=0)
        if self.xfetch_beta is not None:
            require(self, "xfetch_beta", above=0)
        require(self, "refresh_timeout_s", above=0)


@dataclass(frozen=True, slots=True)
class Cached(Generic[T]):
    """An answer and how good it is; MISS means that it was loaded for this call.

    `age_s`: how many seconds ago a copy was stored, None where it is none, or nobody knows.
    """

    value: T
    freshness: Freshness
    age_s: float | None = field(default=None, compare=False)


def usable(settings: StaleCacheSettings, age_s: float) -> Freshness:
    """Decide what a copy of this age may be used as; STALE_ON_ERROR only where loading fails, MISS for nothing.

    A copy from the future is none: its clock is not ours, and it would be fresh for who knows how long.
    """
    if age_s < 0:
        return Freshness.MISS
    if age_s < settings.fresh_s:
        return Freshness.FRESH
    if age_s < settings.fresh_s + settings.stale_s:
        return Freshness.STALE_REFRESHED
    if age_s < settings.fresh_s + settings.stale_s + settings.error_s:
        return Freshness.STALE_ON_ERROR
    return Freshness.MISS


class StaleCache(Generic[T]):
    """Answers from `store` or from what loads. Safe for any number of calls at once in one event loop.

    At most one load a key is in flight. `failures` has no default: a load that fails by it (or is refused by a policy)
    is answered from a stale copy; another error is an answer of the dependency and is raised. Close with `aclose()`.
    """

    def __init__(
        self,
        link: str,
        settings: StaleCacheSettings,
        *,
        store: Store[T],
        failures: Failures,
        clock: Clock,
        rng: random.Random,
        listener: Listener,
    ) -> None:
        self.link = link
        self._settings = settings
        self._store = store
        self._failures = failures
        self._clock = clock
        self._rng = rng
        self._listener = listener
        self._flights = SingleFlight(link, listener=listener)
        self._refreshes: dict[str, asyncio.Task[None]] = {}
        self._closed = False
        self._answered = {freshness: CacheAnswered(link, freshness) for freshness in Freshness}

    async def get(self, key: str, load: Callable[[], Awaitable[T]]) -> Cached[T]:
        """Return the value for `key`, from a copy or from `load()`; raises what `load()` raises where no copy helps.

        A renewal in the background is nobody's call: it runs in an empty context, without the caller's deadline.
        """
        entry = await self._kept(key)
        now = self._clock.now()
        use = self._use(entry, now)
        if entry is not None and use in {Freshness.FRESH, Freshness.STALE_REFRESHED}:
            if use is Freshness.STALE_REFRESHED or self._early(entry, now):
                self._refresh(key, load, Refresh.STALE if use is Freshness.STALE_REFRESHED else Refresh.EARLY)
            return self._answer(entry.value, use, now - entry.stored_at)
        try:
            value = await self._flights.call(key, partial(self._load, key, load))
        except Exception as error:
            # Loading took its time: the copy may be too old even for this by now.
            now = self._clock.now()
            if entry is not None and self._failed(error) and self._use(entry, now) is not Freshness.MISS:
                return self._answer(entry.value, Freshness.STALE_ON_ERROR, now - entry.stored_at)
            self._listener(self._answered[Freshness.MISS])
            raise
        return self._answer(value, Freshness.MISS)

    async def aclose(self) -> None:
        """Cancel the renewals in the background and wait until they have ended; no more are begun."""
        self._closed = True
        refreshes = list(self._refreshes.values())
        for refresh in refreshes:
            refresh.cancel()
        # A cancellation goes on to them, and is raised when they have ended.
        await asyncio.gather(*refreshes, return_exceptions=True)

    def _use(self, entry: Entry[T] | None, now: float) -> Freshness:
        return Freshness.MISS if entry is None else usable(self._settings, now - entry.stored_at)

    def _early(self, entry: Entry[T], now: float) -> bool:
        beta = self._settings.xfetch_beta
        expires_at = entry.stored_at + self._settings.fresh_s
        return beta is not None and refresh_now(now, expires_at, entry.cost_s, beta, self._rng)

    def _answer(self, value: T, freshness: Freshness, age_s: float | None = None) -> Cached[T]:
        self._listener(self._answered[freshness])
        return Cached(value, freshness, age_s)

    def _failed(self, error: Exception) -> bool:
        return judge(error, self._failures) is not Outcome.SUCCESS

    def _refresh(self, key: str, load: Callable[[], Awaitable[T]], why: Refresh) -> None:
        if self._closed or key in self._refreshes:
            return
        self._listener(CacheRefreshed(self.link, why))
        task = asyncio.get_running_loop().create_task(self._renew(key, load), context=Context())
        self._refreshes[key] = task
        task.add_done_callback(lambda _task: self._refreshes.pop(key))

    async def _renew(self, key: str, load: Callable[[], Awaitable[T]]) -> None:
        # The copy is served until its time is over, and then whoever calls meets the error.
        with suppress(Exception):
            async with asyncio.timeout(self._settings.refresh_timeout_s):
                await self._flights.call(key, partial(self._load, key, load))

    async def _load(self, key: str, load: Callable[[], Awaitable[T]]) -> T:
        began = self._clock.now()
        value = await load()
        now = self._clock.now()
        try:
            await self._store.put(key, Entry(value, now, now - began))
        except Exception as error:
            if not self._failed(error):
                raise
        return value

    async def _kept(self, key: str) -> Entry[T] | None:
        try:
            return await self._store.get(key)
        except Exception as error:
            if not self._failed(error):
                raise
            return None
