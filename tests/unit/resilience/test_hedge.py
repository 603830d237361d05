"""Who wins the race, and that nothing of the loser is left, whoever cancels whom and when."""

import asyncio
import gc
from contextvars import ContextVar
from typing import Any

import pytest

from resilience import AttemptTimeout, BulkheadFull, Clock, Event, Failures
from resilience.budget import BudgetSettings
from resilience.events import HedgeStarted, HedgeWon, Refused
from resilience.hedge import Hedge, HedgeSettings

LINK = "catalog_to_search"
STARTED = HedgeStarted(LINK, 0.1)
WON = HedgeWon(LINK)
End = str | BaseException


def settings(**changes: Any) -> HedgeSettings:
    budget = BudgetSettings(retry_ratio=0.0, reserve_per_s=0.0, burst=1.0)
    return HedgeSettings(**{"quantile": 0.95, "min_delay_s": 0.01, "max_delay_s": 0.1, "budget": budget, **changes})


class Attempts:
    """An operation whose n-th attempt takes so many seconds and ends so; cleaning up takes `cleanup_s`."""

    def __init__(self, *plans: tuple[float, End], cleanup_s: float = 0.0, cleanup_end: End | None = None) -> None:
        self.plans = plans
        self.cleanup_s = cleanup_s
        self.cleanup_end = cleanup_end
        self.began: list[float] = []
        self.cancelled: list[int] = []
        self.cleaned: list[int] = []
        self.in_flight = 0

    async def __call__(self) -> str:
        number = len(self.began) + 1
        self.began.append(asyncio.get_running_loop().time())
        seconds, end = self.plans[number - 1]
        self.in_flight += 1
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled.append(number)
            await asyncio.sleep(self.cleanup_s)
            self.cleaned.append(number)
            if self.cleanup_end is None:
                raise
            end = self.cleanup_end
        finally:
            self.in_flight -= 1
        if isinstance(end, BaseException):
            raise end
        return end


def the_call() -> asyncio.Task[Any]:
    """Return the task of this test, which makes the call."""
    task = asyncio.current_task()
    assert task is not None
    return task


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture
def hedge(failures: Failures, clock: Clock, events: list[Event]) -> Hedge:
    return Hedge(LINK, settings(), failures=failures, clock=clock, listener=events.append)


@pytest.fixture(autouse=True)
async def nothing_is_left(hedge: Hedge) -> Any:
    """Whatever a test does: no task, no error that nobody took, no timer that still does something."""
    yield
    await asyncio.sleep(10)
    gc.collect()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_answer_in_time_starts_nothing(hedge: Hedge, events: list[Event]) -> None:
    operation = Attempts((0.099, "first"))

    assert await hedge.call(operation, idempotent=True) == "first"
    await asyncio.sleep(1)

    assert len(operation.began) == 1
    assert events == []
    assert hedge._budget.tokens == 1.0


async def test_the_second_starts_after_the_delay_and_its_answer_is_the_calls(hedge: Hedge, events: list[Event]) -> None:
    operation = Attempts((5.0, "first"), (0.02, "second"))

    assert await hedge.call(operation, idempotent=True) == "second"

    assert now() == pytest.approx(0.12)
    assert operation.began == [0.0, 0.1]
    assert operation.cancelled == [1]
    assert operation.in_flight == 0
    assert events == [STARTED, WON]


async def test_the_interruption_leaves_no_trace_in_the_callers_task(hedge: Hedge) -> None:
    await hedge.call(Attempts((5.0, "first"), (0.02, "second")), idempotent=True)

    assert the_call().cancelling() == 0
    await asyncio.sleep(0.01)
    async with asyncio.timeout(1):
        await asyncio.sleep(0.5)


async def test_the_first_wins_and_the_second_is_cancelled_and_waited_for(hedge: Hedge, events: list[Event]) -> None:
    operation = Attempts((0.15, "first"), (5.0, "second"), cleanup_s=0.2)

    assert await hedge.call(operation, idempotent=True) == "first"

    assert operation.cleaned == [2]
    assert now() == pytest.approx(0.15 + 0.2)
    assert events == [STARTED]
    assert hedge._budget.tokens == 0.0


async def test_the_winner_waits_until_the_first_has_cleaned_up(hedge: Hedge) -> None:
    operation = Attempts((5.0, "first"), (0.02, "second"), cleanup_s=0.3)

    assert await hedge.call(operation, idempotent=True) == "second"

    assert operation.cleaned == [1]
    assert now() == pytest.approx(0.12 + 0.3)


async def test_both_answer_in_the_same_turn_and_the_first_is_taken(hedge: Hedge, events: list[Event]) -> None:
    operation = Attempts((0.125, "first"), (0.025, "second"))

    assert await hedge.call(operation, idempotent=True) == "first"
    assert events == [STARTED]


# -- failures ---------------------------------------------------------------------------------------------------------


async def test_a_failure_before_the_delay_is_raised_at_once(hedge: Hedge, events: list[Event]) -> None:
    """A hedge is no retry."""
    operation = Attempts((0.05, ConnectionError("first")))

    with pytest.raises(ConnectionError, match="first"):
        await hedge.call(operation, idempotent=True)
    await asyncio.sleep(1)

    assert len(operation.began) == 1
    assert events == []


@pytest.mark.parametrize("error", [ConnectionError(), AttemptTimeout(LINK, timeout_s=1), BulkheadFull(LINK, "full")])
async def test_a_failure_or_refusal_of_the_first_waits_for_the_second(
    hedge: Hedge, events: list[Event], error: Exception
) -> None:
    operation = Attempts((0.15, error), (0.5, "second"))

    assert await hedge.call(operation, idempotent=True) == "second"
    assert now() == pytest.approx(0.6)
    assert operation.cancelled == []
    assert events == [STARTED, WON]


@pytest.mark.parametrize("error", [ConnectionError(), AttemptTimeout(LINK, timeout_s=1), BulkheadFull(LINK, "full")])
async def test_a_failure_or_refusal_of_the_second_waits_for_the_first(
    hedge: Hedge, events: list[Event], error: Exception
) -> None:
    operation = Attempts((0.5, "first"), (0.05, error))

    assert await hedge.call(operation, idempotent=True) == "first"
    assert now() == pytest.approx(0.5)
    assert events == [STARTED]


async def test_a_second_that_cancels_itself_has_failed(hedge: Hedge, events: list[Event]) -> None:
    operation = Attempts((0.5, "first"), (0.05, asyncio.CancelledError()))

    assert await hedge.call(operation, idempotent=True) == "first"
    assert events == [STARTED]


@pytest.mark.parametrize("seconds", [0.15, 0.7])
async def test_both_fail_and_the_first_ones_error_is_raised(hedge: Hedge, events: list[Event], seconds: float) -> None:
    operation = Attempts((seconds, ConnectionError("first")), (0.3, ConnectionError("second")))

    with pytest.raises(ConnectionError, match="first"):
        await hedge.call(operation, idempotent=True)

    assert now() == pytest.approx(max(seconds, 0.4))
    assert events == [STARTED]


async def test_an_error_of_the_callers_making_is_an_answer_of_the_first(hedge: Hedge, events: list[Event]) -> None:
    operation = Attempts((0.15, LookupError("not found")), (5.0, "second"))

    with pytest.raises(LookupError):
        await hedge.call(operation, idempotent=True)

    assert now() == pytest.approx(0.15)
    assert operation.cancelled == [2]
    assert events == [STARTED]


async def test_an_error_of_the_callers_making_is_an_answer_of_the_second(hedge: Hedge, events: list[Event]) -> None:
    operation = Attempts((5.0, "first"), (0.05, LookupError("not found")))

    with pytest.raises(LookupError) as caught:
        await hedge.call(operation, idempotent=True)

    assert now() == pytest.approx(0.15)
    assert caught.value.__context__ is None, "the cancellation of the loser is nobody's business"
    assert operation.cancelled == [1]
    assert events == [STARTED, WON]


# -- who may be hedged, and how often ---------------------------------------------------------------------------------


async def test_a_call_that_may_not_be_made_twice_is_not(hedge: Hedge, events: list[Event]) -> None:
    operation = Attempts((5.0, "first"))

    assert await hedge.call(operation, idempotent=False) == "first"
    assert events == []


async def test_the_budget_refuses_and_the_first_goes_on_alone(hedge: Hedge, events: list[Event]) -> None:
    await hedge.call(Attempts((5.0, "first"), (0.02, "second")), idempotent=True)
    events.clear()

    operation = Attempts((0.5, "first"))
    assert await hedge.call(operation, idempotent=True) == "first"
    assert events == [Refused(LINK, "hedge_budget", None)]


async def test_a_call_pays_its_share_into_the_budget_and_the_reserve_fills_it_too(
    failures: Failures, clock: Clock
) -> None:
    told: list[Event] = []
    budget = BudgetSettings(retry_ratio=0.25, reserve_per_s=0.1, burst=1.0)
    hedge = Hedge(LINK, settings(budget=budget), failures=failures, clock=clock, listener=told.append)
    hedge._budget.tokens = 0.0

    for _ in range(4):
        await hedge.call(Attempts((0.0, "first")), idempotent=True)
    assert hedge._budget.tokens == 1.0
    await hedge.call(Attempts((0.0, "first")), idempotent=False)
    hedge._budget.tokens = 0.0
    await hedge.call(Attempts((0.0, "first")), idempotent=False)
    assert hedge._budget.tokens == 0.0, "what is never hedged pays for no hedge"

    await asyncio.sleep(8)
    # 8.1 s of the reserve and the call's own share are 1.06 by the time the call is late.
    assert await hedge.call(Attempts((5.0, "first"), (0.02, "second")), idempotent=True) == "second"


async def test_a_second_that_never_began_costs_nothing(hedge: Hedge, events: list[Event]) -> None:
    """The timer runs out in the very turn of the answer."""
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    calls = 0

    async def operation() -> str:
        nonlocal calls
        calls += 1
        return await answer

    asyncio.get_running_loop().call_at(0.1, answer.set_result, "first")
    assert await hedge.call(operation, idempotent=True) == "first"

    assert calls == 1
    assert events == []
    assert hedge._budget.tokens == 1.0


# -- cancellation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_s", [0.05, 0.15])
async def test_a_cancellation_ends_all_that_runs_and_waits_for_it(hedge: Hedge, at_s: float) -> None:
    operation = Attempts((5.0, "first"), (5.0, "second"), cleanup_s=0.2)
    task = asyncio.create_task(hedge.call(operation, idempotent=True))
    await asyncio.sleep(at_s)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    running = len(operation.began)
    assert running == (1 if at_s < 0.1 else 2)
    assert operation.cleaned == [1, 2][:running]
    assert now() == pytest.approx(at_s + 0.2 * running)
    assert operation.in_flight == 0


async def test_a_cancellation_while_the_second_is_waited_for_ends_the_second(hedge: Hedge) -> None:
    operation = Attempts((0.15, ConnectionError()), (5.0, "second"), cleanup_s=0.2)
    task = asyncio.create_task(hedge.call(operation, idempotent=True))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert operation.cleaned == [2]
    assert now() == pytest.approx(0.5)


async def test_a_cancellation_while_the_loser_cleans_up_goes_on_to_it_and_is_raised(hedge: Hedge) -> None:
    operation = Attempts((0.15, "first"), (5.0, "second"), cleanup_s=5.0)
    task = asyncio.create_task(hedge.call(operation, idempotent=True))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert now() == pytest.approx(0.2)
    assert operation.in_flight == 0


@pytest.mark.parametrize("turns", range(5))
async def test_a_cancellation_in_the_turn_of_the_hedges_victory_is_not_lost(hedge: Hedge, turns: int) -> None:
    """Whichever comes first, the caller is let go as cancelled, with nobody's request too many."""
    operation = Attempts((5.0, "first"), (0.02, "second"))
    task = asyncio.create_task(hedge.call(operation, idempotent=True))
    loop = asyncio.get_running_loop()

    def cancel(left: int) -> None:
        if left:
            loop.call_soon(cancel, left - 1)
        elif not task.done():
            assert task.cancel()

    loop.call_at(0.1, lambda: loop.call_later(0.02, cancel, turns))
    [end] = await asyncio.gather(task, return_exceptions=True)

    if task.cancelling():
        assert isinstance(end, asyncio.CancelledError)
    else:
        assert (turns, end) == (turns, "second")
    assert task.cancelling() == (0 if end == "second" else 1)
    assert operation.in_flight == 0


async def test_a_cancellation_while_the_interrupted_first_cleans_up_is_the_callers(hedge: Hedge) -> None:
    operation = Attempts((5.0, "first"), (0.02, "second"), cleanup_s=5.0)
    task = asyncio.create_task(hedge.call(operation, idempotent=True))
    await asyncio.sleep(0.2)
    assert operation.cancelled == [1]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert now() == pytest.approx(0.2)
    assert task.cancelling() == 1


async def test_a_caller_who_is_leaving_already_is_not_interrupted_again(hedge: Hedge, events: list[Event]) -> None:
    """The second answers while the first cleans up after a real cancellation: the clean-up is left in peace."""
    operation = Attempts((5.0, "first"), (0.1, "second"), cleanup_s=0.5)
    task = asyncio.create_task(hedge.call(operation, idempotent=True))
    await asyncio.sleep(0.15)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert operation.cleaned == [1]
    assert now() == pytest.approx(0.65)
    assert task.cancelling() == 1
    assert events == [STARTED]


async def test_a_caller_who_is_leaving_is_not_hedged(hedge: Hedge, events: list[Event]) -> None:
    operation = Attempts((5.0, "first"), cleanup_s=0.5)
    task = asyncio.create_task(hedge.call(operation, idempotent=True))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert now() == pytest.approx(0.55)
    assert events == []
    assert hedge._budget.tokens == 1.0


async def test_a_call_made_while_the_caller_is_leaving_is_hedged_as_any_other(hedge: Hedge) -> None:
    """Clean-up after a cancellation may call, too: what was asked of the task before does not count."""
    results = []

    async def work() -> None:
        try:
            await asyncio.sleep(5)
        finally:
            results.append(await hedge.call(Attempts((5.0, "first"), (0.02, "second")), idempotent=True))

    task = asyncio.create_task(work())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert results == ["second"]
    assert task.cancelling() == 1


async def test_a_first_that_answers_in_spite_of_the_interruption_leaves_no_trace(hedge: Hedge) -> None:
    operation = Attempts((5.0, "first"), (0.02, "second"), cleanup_end="in spite of it")

    assert await hedge.call(operation, idempotent=True) == "second"
    assert the_call().cancelling() == 0


async def test_an_interrupted_first_may_fail_as_it_likes(hedge: Hedge) -> None:
    operation = Attempts((5.0, "first"), (0.02, "second"), cleanup_end=ConnectionError("while cleaning up"))

    assert await hedge.call(operation, idempotent=True) == "second"
    assert the_call().cancelling() == 0


async def test_a_real_cancellation_wins_over_a_first_that_swallows_the_interruption(hedge: Hedge) -> None:
    operation = Attempts((5.0, "first"), (0.02, "second"), cleanup_s=0.5)

    async def swallows() -> str:
        try:
            return await operation()
        except asyncio.CancelledError:
            return "in spite of it"

    task = asyncio.create_task(hedge.call(swallows, idempotent=True))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_loser_that_fails_while_it_cleans_up_is_nobodys_error(hedge: Hedge) -> None:
    operation = Attempts((0.15, "first"), (5.0, "second"), cleanup_end=ConnectionError("while cleaning up"))

    assert await hedge.call(operation, idempotent=True) == "first"


async def test_a_first_that_cancels_itself_is_passed_on_and_ends_the_second(hedge: Hedge) -> None:
    operation = Attempts((0.15, asyncio.CancelledError("its own")), (5.0, "second"), cleanup_s=0.1)

    with pytest.raises(asyncio.CancelledError, match="its own"):
        await hedge.call(operation, idempotent=True)
    assert operation.cleaned == [2]
    assert the_call().cancelling() == 0


async def test_a_timeout_around_it_is_a_timeout(hedge: Hedge) -> None:
    operation = Attempts((5.0, "first"), (5.0, "second"))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await hedge.call(operation, idempotent=True)
    assert operation.cancelled == [1, 2]


async def test_a_timeout_inside_it_is_its_attempts_own(hedge: Hedge) -> None:
    operation = Attempts((5.0, "first"), (0.2, "second"))

    async def bounded() -> str:
        async with asyncio.timeout(0.25):
            return await operation()

    # The first attempt's time is over at 0.25, the second answers at 0.3.
    hedge._failures = lambda error: isinstance(error, TimeoutError)
    assert await hedge.call(bounded, idempotent=True) == "second"
    assert now() == pytest.approx(0.3)


async def test_one_hedge_within_another_hears_the_outer_ones_interruption_as_a_cancellation(
    hedge: Hedge, failures: Failures, clock: Clock
) -> None:
    inner = Hedge(LINK, settings(max_delay_s=0.01), failures=failures, clock=clock, listener=lambda _event: None)
    operation = Attempts((5.0, "first"), (5.0, "first's second"), (0.005, "second"))

    assert await hedge.call(lambda: inner.call(operation, idempotent=True), idempotent=True) == "second"
    assert sorted(operation.cancelled) == [1, 2]
    assert the_call().cancelling() == 0


async def test_an_interrupt_of_the_process_waits_for_nobody(hedge: Hedge) -> None:
    class Stop(BaseException):
        pass

    operation = Attempts((0.15, Stop()), (5.0, "second"), cleanup_s=0.2)
    with pytest.raises(Stop):
        await hedge.call(operation, idempotent=True)

    assert now() == pytest.approx(0.15)
    await asyncio.sleep(0.3)
    assert operation.cleaned == [2]


async def test_a_coroutine_that_is_closed_cancels_the_second_without_waiting(hedge: Hedge) -> None:
    operation = Attempts((5.0, "first"), (5.0, "second"))
    call: Any = hedge.call(operation, idempotent=True)

    async def drop_it() -> None:
        call.send(None)
        await asyncio.sleep(0.15)
        call.close()

    await drop_it()
    await asyncio.sleep(0)
    assert operation.cancelled == [2]


async def test_the_second_sees_the_context_of_the_call(hedge: Hedge) -> None:
    var: ContextVar[str] = ContextVar("var")
    seen = []

    async def operation() -> str:
        seen.append(var.get())
        var.set("an attempt's own")
        await asyncio.sleep(0.15)
        return "answer"

    var.set("the call's")
    await hedge.call(operation, idempotent=True)
    assert seen == ["the call's", "the call's"]


async def test_calls_count_from_their_beginning_whoever_answered(
    failures: Failures, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hedge = Hedge(LINK, settings(), failures=failures, clock=clock, listener=lambda _event: None)
    durations: list[float] = []
    monkeypatch.setattr(hedge._delay, "answered", durations.append)

    await asyncio.sleep(1)
    await hedge.call(Attempts((0.05, "first")), idempotent=True)
    await hedge.call(Attempts((5.0, "first"), (0.02, "second")), idempotent=True)
    hedge._budget.tokens = 1.0
    await hedge.call(Attempts((0.3, "first"), (5.0, "second")), idempotent=True)
    with pytest.raises(ConnectionError):
        await hedge.call(Attempts((0.05, ConnectionError())), idempotent=True)
    await hedge.call(Attempts((0.05, "first")), idempotent=False)

    assert durations == pytest.approx([0.05, 0.12, 0.3])


async def test_a_hedge_uses_the_delay_it_has_learnt(hedge: Hedge, events: list[Event]) -> None:
    assert hedge.delay_s == 0.1
    for _ in range(100):
        await hedge.call(Attempts((0.03, "first")), idempotent=True)
    assert hedge.delay_s == pytest.approx(0.03)

    operation = Attempts((5.0, "first"), (0.02, "second"))
    began = now()
    await hedge.call(operation, idempotent=True)
    assert operation.began[1] == pytest.approx(began + hedge.delay_s)
    assert events == [HedgeStarted(LINK, hedge.delay_s), WON]


async def test_a_client_that_turns_a_cancellation_into_its_own_error_does_not_keep_the_caller(
    failures: Failures, clock: Clock
) -> None:
    """The caller is leaving, so nobody waits for the second attempt, which takes 30 s."""

    async def converting() -> str:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            raise ConnectionError from None
        return "late"

    hedge = Hedge(LINK, settings(), failures=failures, clock=clock, listener=lambda _: None)

    with pytest.raises(ConnectionError):
        async with asyncio.timeout(2):
            await hedge.call(converting, idempotent=True)

    assert clock.now() == pytest.approx(2.0)
