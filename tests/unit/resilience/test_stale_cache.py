"""What a copy is good for at which age, and that its renewal is one, bounded and nobody's call."""

import asyncio
import gc
import random
from contextvars import ContextVar
from typing import Any

import pytest

from resilience import BreakerOpen, Clock, Event, Failures
from resilience.errors import SettingsError
from resilience.events import CacheAnswered, CacheRefreshed, CallShared
from resilience.stale_cache import Cached, StaleCache, StaleCacheSettings, usable
from resilience.stale_cache_store import Entry, MemoryStore
from resilience.states import Freshness, Refresh

LINK = "catalog_to_mysql"
FRESH, STALE, ON_ERROR, MISS = (
    Freshness.FRESH,
    Freshness.STALE_REFRESHED,
    Freshness.STALE_ON_ERROR,
    Freshness.MISS,
)


def settings(**changes: Any) -> StaleCacheSettings:
    return StaleCacheSettings(**{"fresh_s": 10.0, "stale_s": 20.0, "error_s": 30.0, **changes})


class Source:
    """Loads: a second each, answers with the number of the load; `error` fails it, `seconds` makes it slower."""

    def __init__(self) -> None:
        self.seconds = 1.0
        self.error: Exception | None = None
        self.loads = 0
        self.in_flight = 0
        self.cleaned = 0
        self.cleanup_s = 0.0

    async def __call__(self) -> int:
        self.loads += 1
        number = self.loads
        self.in_flight += 1
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            await asyncio.sleep(self.cleanup_s)
            self.cleaned += 1
            raise
        finally:
            self.in_flight -= 1
        if self.error is not None:
            raise self.error
        return number


class Broken(MemoryStore[Any]):
    """A store that fails with `error` where it is set."""

    error: Exception | None = None

    async def get(self, key: str) -> Entry[Any] | None:
        await asyncio.sleep(0.01)
        if self.error is not None:
            raise self.error
        return await super().get(key)

    async def put(self, key: str, entry: Entry[Any]) -> None:
        await asyncio.sleep(0.01)
        if self.error is not None:
            raise self.error
        await super().put(key, entry)


def now() -> float:
    return asyncio.get_running_loop().time()


def build(clock: Clock, failures: Failures, events: list[Event], store: Any = None, **changes: Any) -> StaleCache[Any]:
    return StaleCache(
        LINK,
        settings(**changes),
        store=store or MemoryStore(10),
        failures=failures,
        clock=clock,
        rng=random.Random(7),  # noqa: S311 -- a seed makes the test repeatable
        listener=events.append,
    )


@pytest.fixture
def cache(clock: Clock, failures: Failures, events: list[Event]) -> StaleCache[Any]:
    return build(clock, failures, events)


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture(autouse=True)
async def nothing_is_left(source: Source) -> Any:
    """Whatever a test does: no load, no task, no error that nobody took."""
    yield
    await asyncio.sleep(100)
    gc.collect()
    assert source.in_flight == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def at(age_s: float) -> None:
    """Wait until the copy that was stored after the first second has this age."""
    await asyncio.sleep(1 + age_s - now())


# -- fresh and missing ------------------------------------------------------------------------------------------------


async def test_what_is_not_there_is_loaded_and_then_there(
    cache: StaleCache[Any], source: Source, events: list[Event]
) -> None:
    assert await cache.get("key", source) == Cached(1, MISS)
    assert now() == pytest.approx(1.0)
    await at(9.99)
    assert await cache.get("key", source) == Cached(1, FRESH)
    assert now() == pytest.approx(10.99), "and it is told at once"
    assert source.loads == 1
    assert events == [CacheAnswered(LINK, MISS), CacheAnswered(LINK, FRESH)]


async def test_none_is_a_value(cache: StaleCache[Any]) -> None:
    loads = 0

    async def load() -> None:
        nonlocal loads
        loads += 1

    assert await cache.get("key", load) == Cached(None, MISS)
    assert await cache.get("key", load) == Cached(None, FRESH)
    assert loads == 1


async def test_it_is_named_after_its_link(cache: StaleCache[Any]) -> None:
    assert cache.link == LINK


async def test_keys_are_apart(cache: StaleCache[Any], source: Source) -> None:
    assert [await cache.get(key, source) for key in "aba"] == [Cached(1, MISS), Cached(2, MISS), Cached(1, FRESH)]


async def test_many_who_miss_at_once_load_once(cache: StaleCache[Any], source: Source, events: list[Event]) -> None:
    answers = await asyncio.gather(*(cache.get("key", source) for _ in range(100)))
    assert answers == [Cached(1, MISS)] * 100
    assert source.loads == 1
    assert events == [CallShared(LINK)] * 99 + [CacheAnswered(LINK, MISS)] * 100


async def test_a_miss_that_fails_raises_the_error(cache: StaleCache[Any], source: Source, events: list[Event]) -> None:
    source.error = ConnectionError()
    with pytest.raises(ConnectionError):
        await cache.get("key", source)
    assert events == [CacheAnswered(LINK, MISS)]


async def test_a_miss_that_is_cancelled_cancels_its_load(
    cache: StaleCache[Any], source: Source, events: list[Event]
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await cache.get("key", source)
    assert source.cleaned == 1
    assert events == []


# -- stale while revalidate -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("age_s", [10.0, 29.99])
async def test_a_stale_copy_is_told_at_once_and_renewed_behind_it(
    cache: StaleCache[Any], source: Source, events: list[Event], age_s: float
) -> None:
    await cache.get("key", source)
    await at(age_s)
    assert await cache.get("key", source) == Cached(1, STALE)
    assert now() == pytest.approx(1 + age_s)
    await asyncio.sleep(1.01)
    assert await cache.get("key", source) == Cached(2, FRESH)
    renewed = CacheRefreshed(LINK, Refresh.STALE)
    assert events[1:] == [renewed, CacheAnswered(LINK, STALE), CacheAnswered(LINK, FRESH)]


async def test_an_answer_from_a_copy_says_how_old_the_copy_is(cache: StaleCache[Any], source: Source) -> None:
    assert (await cache.get("key", source)).age_s is None
    await at(7.5)
    assert (await cache.get("key", source)).age_s == pytest.approx(7.5)
    source.error = ConnectionError()
    await at(45)
    old = await cache.get("key", source)
    assert old.freshness is ON_ERROR
    # Loading took its second.
    assert old.age_s == pytest.approx(46)


async def test_one_renewal_at_a_time_however_many_ask(
    cache: StaleCache[Any], source: Source, events: list[Event]
) -> None:
    await cache.get("key", source)
    await at(15)
    answers = await asyncio.gather(*(cache.get("key", source) for _ in range(100)))
    assert answers == [Cached(1, STALE)] * 100
    await asyncio.sleep(0.5)
    assert await cache.get("key", source) == Cached(1, STALE)
    await asyncio.sleep(5)
    assert source.loads == 2
    assert CallShared(LINK) not in events


async def test_a_renewal_that_failed_is_tried_again_by_the_next_who_asks(
    cache: StaleCache[Any], source: Source
) -> None:
    await cache.get("key", source)
    source.error = ConnectionError()
    await at(15)
    assert await cache.get("key", source) == Cached(1, STALE)
    await asyncio.sleep(2)
    assert source.loads == 2
    source.error = None
    assert await cache.get("key", source) == Cached(1, STALE)
    await asyncio.sleep(2)
    assert await cache.get("key", source) == Cached(3, FRESH)


async def test_a_renewal_that_hangs_is_cut_and_tried_again(
    clock: Clock, failures: Failures, events: list[Event], source: Source
) -> None:
    cache = build(clock, failures, events, refresh_timeout_s=3.0)
    await cache.get("key", source)
    source.seconds = 1000.0
    await at(15)
    await cache.get("key", source)
    await asyncio.sleep(2.99)
    assert source.in_flight == 1
    await asyncio.sleep(0.02)
    assert (source.in_flight, source.cleaned) == (0, 1)
    source.seconds = 1.0
    assert (await cache.get("key", source)).freshness is STALE
    await asyncio.sleep(1.01)
    assert (await cache.get("key", source)).freshness is FRESH


async def test_a_renewal_goes_on_when_its_caller_is_gone(cache: StaleCache[Any], source: Source) -> None:
    await cache.get("key", source)
    await at(15)
    task = asyncio.create_task(cache.get("key", source))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.sleep(1)
    assert await cache.get("key", source) == Cached(2, FRESH)


async def test_a_renewal_knows_nothing_of_its_callers_context(cache: StaleCache[Any], source: Source) -> None:
    """A deadline of the request that happened to come first must not cut it."""
    var: ContextVar[str] = ContextVar("var", default="none")
    seen = []

    async def load() -> int:
        seen.append(var.get())
        return await source()

    var.set("a request's")
    await cache.get("key", load)
    await at(15)
    await cache.get("key", load)
    await asyncio.sleep(2)
    assert seen == ["a request's", "none"]


async def test_who_comes_when_the_copy_is_too_old_joins_the_renewal(
    cache: StaleCache[Any], source: Source, events: list[Event]
) -> None:
    await cache.get("key", source)
    await at(29.5)
    assert await cache.get("key", source) == Cached(1, STALE)
    await at(30.1)
    assert await cache.get("key", source) == Cached(2, MISS)
    assert now() == pytest.approx(31.5)
    assert source.loads == 2
    assert events[-2:] == [CallShared(LINK), CacheAnswered(LINK, MISS)]


# -- stale if error ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ConnectionError(), BreakerOpen(LINK, retry_after_s=1)])
@pytest.mark.parametrize("age_s", [30.0, 58.99])
async def test_where_loading_fails_or_is_refused_the_copy_is_told(
    cache: StaleCache[Any], source: Source, events: list[Event], age_s: float, error: Exception
) -> None:
    await cache.get("key", source)
    source.error = error
    await at(age_s)
    assert await cache.get("key", source) == Cached(1, ON_ERROR)
    assert now() == pytest.approx(1 + age_s + 1), "but not before it has failed"
    assert events[1:] == [CacheAnswered(LINK, ON_ERROR)]


async def test_where_loading_works_again_the_new_value_is_told(cache: StaleCache[Any], source: Source) -> None:
    await cache.get("key", source)
    await at(40)
    assert await cache.get("key", source) == Cached(2, MISS)


async def test_a_copy_that_becomes_too_old_while_loading_fails_is_not_told(
    cache: StaleCache[Any], source: Source, events: list[Event]
) -> None:
    await cache.get("key", source)
    source.error = ConnectionError()
    await at(59.0)
    with pytest.raises(ConnectionError):
        await cache.get("key", source)
    assert events[1:] == [CacheAnswered(LINK, MISS)]


async def test_an_error_of_the_callers_making_is_an_answer_and_told_instead_of_the_copy(
    cache: StaleCache[Any], source: Source
) -> None:
    """What is not found any more has gone."""
    await cache.get("key", source)
    source.error = LookupError()
    await at(40)
    with pytest.raises(LookupError):
        await cache.get("key", source)


@pytest.mark.parametrize(
    ("age_s", "use"),
    [
        (-0.001, MISS),
        (0.0, FRESH),
        (9.999, FRESH),
        (10.0, STALE),
        (29.999, STALE),
        (30.0, ON_ERROR),
        (59.999, ON_ERROR),
        (60.0, MISS),
    ],
)
async def test_what_a_copy_may_be_used_for(age_s: float, use: Freshness) -> None:
    assert usable(settings(), age_s) is use


@pytest.mark.parametrize("age_s", [0.999, 1.0])
async def test_without_stale_times_a_copy_is_fresh_or_nothing(age_s: float) -> None:
    assert usable(settings(fresh_s=1.0, stale_s=0, error_s=0), age_s) is (FRESH if age_s < 1.0 else MISS)


async def test_a_copy_from_the_future_is_none(
    clock: Clock, failures: Failures, events: list[Event], source: Source
) -> None:
    store: MemoryStore[Any] = MemoryStore(1)
    await store.put("key", Entry("of another clock", 1e9, 1.0))
    source.error = ConnectionError()
    with pytest.raises(ConnectionError):
        await build(clock, failures, events, store).get("key", source)


# -- early, by lot ----------------------------------------------------------------------------------------------------


async def test_xfetch_renews_a_fresh_copy_behind_the_answer(
    clock: Clock, failures: Failures, events: list[Event], source: Source
) -> None:
    """Near its end, as a rule: a copy that costs a second to load is not renewed when it is new."""
    cache = build(clock, failures, events, xfetch_beta=1.0)
    renewed_at = []
    for key in range(100):
        began = now()
        assert (await cache.get(str(key), source)).freshness is MISS
        loads = source.loads
        while source.loads == loads:
            assert (await cache.get(str(key), source)).freshness is FRESH
            await asyncio.sleep(0.1)
        renewed_at.append(now() - began - 1)
        await asyncio.sleep(1)
    # Ten readers a second, so the first one draws its lot about ln(10) + 0.577 s early.
    assert sum(renewed_at) / 100 == pytest.approx(10 - 2.88, rel=0.05)
    assert max(renewed_at) < 10


async def test_without_it_a_fresh_copy_is_left_alone(cache: StaleCache[Any], source: Source) -> None:
    await cache.get("key", source)
    while now() < 10.9:
        await cache.get("key", source)
        await asyncio.sleep(0.01)
    assert source.loads == 1


async def test_the_greater_beta_the_earlier(
    clock: Clock, failures: Failures, events: list[Event], source: Source
) -> None:
    cache = build(clock, failures, events, xfetch_beta=1e9)
    await cache.get("key", source)
    await cache.get("key", source)
    await cache.get("key", source)
    await asyncio.sleep(1)
    assert source.loads == 2
    assert events.count(CacheRefreshed(LINK, Refresh.EARLY)) == 1


async def test_the_cost_of_a_copy_is_the_time_that_its_loading_took(
    clock: Clock, failures: Failures, events: list[Event], source: Source
) -> None:
    store: MemoryStore[Any] = MemoryStore(1)
    await asyncio.sleep(5)
    await build(clock, failures, events, store).get("key", source)
    entry = await store.get("key")
    assert entry is not None
    assert [entry.value, entry.stored_at, entry.cost_s] == pytest.approx([1, 6.0, 1.0])


# -- a store that fails -----------------------------------------------------------------------------------------------


async def test_a_store_that_fails_is_an_empty_one(
    clock: Clock, failures: Failures, events: list[Event], source: Source
) -> None:
    store = Broken(10)
    cache = build(clock, failures, events, store)
    store.error = ConnectionError()
    assert await cache.get("key", source) == Cached(1, MISS)
    assert await cache.get("key", source) == Cached(2, MISS)
    store.error = BreakerOpen(LINK, retry_after_s=1)
    assert await cache.get("key", source) == Cached(3, MISS)
    store.error = None
    assert await cache.get("key", source) == Cached(4, MISS)
    assert await cache.get("key", source) == Cached(4, FRESH)


async def test_a_mistake_in_the_store_is_told(
    clock: Clock, failures: Failures, events: list[Event], source: Source
) -> None:
    store: MemoryStore[Any] = MemoryStore(10)
    cache = build(clock, failures, events, store)

    async def mistaken(*_args: Any) -> Any:
        raise TypeError

    for name in ("get", "put"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, name, mistaken)
            with pytest.raises(TypeError):
                await cache.get("key", source)
    assert await cache.get("key", source) == Cached(2, MISS), "the one that could not be kept was the first"


async def test_age_counts_at_the_moment_of_the_answer_not_of_the_question(
    clock: Clock, failures: Failures, events: list[Event], source: Source
) -> None:
    cache = build(clock, failures, events, Broken(10))
    await cache.get("key", source)  # asked for 0.01 s, loaded for 1 s, stored at 1.01 s
    await asyncio.sleep(1.01 + 9.995 - now())
    assert (await cache.get("key", source)).freshness is STALE


# -- closing ----------------------------------------------------------------------------------------------------------


async def test_closing_cancels_the_renewals_and_waits_for_them(cache: StaleCache[Any], source: Source) -> None:
    source.cleanup_s = 0.3
    await asyncio.gather(cache.get("a", source), cache.get("b", source))
    await at(15)
    await asyncio.gather(cache.get("a", source), cache.get("b", source))
    await asyncio.sleep(0.1)
    assert source.in_flight == 2

    began = now()
    await cache.aclose()

    assert (source.in_flight, source.cleaned) == (0, 2)
    assert now() == pytest.approx(began + 0.3)


async def test_a_closed_cache_answers_and_begins_no_renewal(cache: StaleCache[Any], source: Source) -> None:
    await cache.get("key", source)
    await cache.aclose()
    await at(15)
    assert await cache.get("key", source) == Cached(1, STALE)
    await asyncio.sleep(0.1)
    assert source.loads == 1
    await at(40)
    assert await cache.get("key", source) == Cached(2, MISS)


async def test_closing_leaves_a_load_to_the_caller_who_waits_for_it(cache: StaleCache[Any], source: Source) -> None:
    await cache.get("key", source)
    await at(29.5)
    await cache.get("key", source)
    await at(30.1)
    waiting = asyncio.create_task(cache.get("key", source))
    await asyncio.sleep(0.1)
    await cache.aclose()
    assert await waiting == Cached(2, MISS)


async def test_closing_that_is_cancelled_waits_nevertheless_and_says_so(cache: StaleCache[Any], source: Source) -> None:
    source.cleanup_s = 50
    await cache.get("key", source)
    await at(15)
    await cache.get("key", source)
    await asyncio.sleep(0.1)
    closing = asyncio.create_task(cache.aclose())
    await asyncio.sleep(0.1)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert source.in_flight == 0
    assert now() == pytest.approx(16.2)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("fresh_s", 0, "StaleCacheSettings.fresh_s must be more than 0, got 0"),
        ("stale_s", -1, "StaleCacheSettings.stale_s must be at least 0, got -1"),
        ("error_s", -1, "StaleCacheSettings.error_s must be at least 0, got -1"),
        ("xfetch_beta", 0, "StaleCacheSettings.xfetch_beta must be more than 0, got 0"),
        ("refresh_timeout_s", 0, "StaleCacheSettings.refresh_timeout_s must be more than 0, got 0"),
    ],
)
async def test_nonsense_is_refused(field: str, value: float, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings(**{field: value})
    assert settings().refresh_timeout_s == 10.0
