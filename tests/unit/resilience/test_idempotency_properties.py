"""What holds under one key whatever calls come, when, how long each works and how each ends."""

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from resilience.errors import InProgress, KeyReused
from resilience.events import ignore
from resilience.idempotency import Idempotency, IdempotencySettings, Waiting
from tests.unit.resilience.keys import Keys

SECONDS = st.floats(0, 3)


@dataclass
class Call:
    """One call: what it asks, when it comes, how long it works, whether it fails, when its caller goes."""

    asked: str
    at_s: float
    works_s: float
    fails: bool
    gone_after_s: float | None


CALLS = st.lists(
    st.builds(Call, st.sampled_from("ffg"), SECONDS, SECONDS, st.booleans(), st.none() | SECONDS),
    min_size=1,
    max_size=6,
)
SETTINGS = st.builds(IdempotencySettings, st.floats(0.01, 3), st.floats(0, 2), st.floats(0.01, 0.5))


async def make(call: Call, number: int, one: Idempotency[Any, Any], ended: dict[int, Any], clock: Any) -> None:
    async def work(_record: str) -> int:
        await clock.sleep(call.works_s)
        if call.fails:
            raise ConnectionError
        return number

    await clock.sleep(call.at_s)
    began = clock.now()
    try:
        async with asyncio.timeout(call.gone_after_s):
            ended[number] = await one.run("k", call.asked, call.asked, work)
    except (ConnectionError, InProgress, KeyReused, TimeoutError) as error:
        ended[number] = error
    finally:
        ended[-1 - number] = clock.now() - began


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=CALLS, settings=SETTINGS, store_s=st.sampled_from([0.0, 0.02]))
def test_everybody_is_told_the_first_result(
    calls: list[Call], settings: IdempotencySettings, store_s: float, virtual_run: Any, clock: Any
) -> None:
    """And a refusal comes in time; another request than the first is told nothing."""
    keys = Keys(clock, seconds=store_s)
    one = Idempotency("link", settings, store=keys, new_id=uuid.uuid4, clock=clock, listener=ignore)
    ended: dict[int, Any] = {}

    async def all_calls() -> None:
        await asyncio.gather(*(make(call, number, one, ended, clock) for number, call in enumerate(calls)))

    virtual_run(all_calls())

    row = keys.rows.get("k")
    told = {ended[number] for number in range(len(calls)) if not isinstance(ended[number], Exception)}
    assert told <= set(row.results[:1] if row else [])
    for number, call in enumerate(calls):
        if row and call.asked != row.fingerprint and not isinstance(ended[number], TimeoutError):
            assert isinstance(ended[number], KeyReused)
        if isinstance(ended[number], InProgress):
            assert ended[-1 - number] <= settings.wait_s + 2 * store_s + 1e-9
        if call.gone_after_s is not None:
            assert ended[-1 - number] <= call.gone_after_s + settings.give_back_s + 1e-9


@given(settings=SETTINGS, lease_s=st.floats(-1, 5))
def test_the_looks_of_a_wait_are_few_and_end_with_it(settings: IdempotencySettings, lease_s: float) -> None:
    """At most one for each doubling of the poll, and what the end of the lease and of the wait add."""
    waiting, now = Waiting(settings, now=0.0, wait_s=settings.wait_s), 0.0
    pauses = []
    while (pause_s := waiting.pause_s(now, max(lease_s - now, 0.0) if lease_s > 0 else 99.0)) is not None:
        assert pause_s > 0
        now += pause_s
        pauses.append(pause_s)
        assert len(pauses) < 300

    assert now >= settings.wait_s
    assert now <= settings.wait_s * (1 + 1e-9)
