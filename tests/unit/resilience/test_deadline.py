"""The deadline of a call: one instant, spent by everything inside, refused where it cannot be met."""

import asyncio
import contextvars
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from resilience import Clock, DeadlineExceeded, Event, SettingsError, ignore
from resilience.deadline import (
    HEADER,
    LONGEST_S,
    Deadline,
    DeadlineSettings,
    cut_s,
    deadline_at,
    deadline_header,
    format_deadline,
    parse_deadline,
    remaining_s,
    restore,
    without_deadline,
)
from resilience.events import Refused

LINK = "gateway_to_orders"


async def told() -> float | None:
    """Be an operation that answers with the deadline that it sees."""
    return deadline_at.get()


@contextmanager
def until(at: float) -> Iterator[None]:
    """Set the deadline for a test that is no coroutine: all of those run in one context."""
    token = deadline_at.set(at)
    yield
    restore(token)


@pytest.fixture
def make(clock: Clock, events: list[Event]) -> Any:
    def make(call_timeout_s: float | None = 2.0, margin_s: float = 0.0) -> Deadline:
        return Deadline(LINK, DeadlineSettings(call_timeout_s, margin_s), clock=clock, listener=events.append)

    return make


class TestWhatIsLeft:
    def test_without_a_deadline_nothing_ends_and_nothing_is_sent(self) -> None:
        assert remaining_s(5.0) is None
        assert cut_s(3.0, 5.0) == 3.0
        assert deadline_header(5.0) == {}

    def test_it_is_spent_as_time_passes(self) -> None:
        with until(10.0):
            assert [remaining_s(now) for now in (7.0, 10.0, 12.0)] == [3.0, 0.0, -2.0]

    def test_a_wait_is_cut_to_it_and_is_never_negative(self) -> None:
        with until(10.0):
            assert [cut_s(3.0, now) for now in (2.0, 8.0, 10.0, 12.0)] == [3.0, 2.0, 0.0, 0.0]

    def test_each_hop_sends_on_what_is_left_at_the_moment_of_sending(self) -> None:
        with until(10.0):
            assert deadline_header(9.5) == {"x-deadline-ms": "500"}
            assert deadline_header(9.75) == {HEADER: "250"}


class TestHeader:
    @pytest.mark.parametrize(
        ("left_s", "text"),
        [
            (1.5, "1500"),
            (0.0019, "1"),
            (0.0009, "0"),
            (0.0, "0"),
            (-3.0, "0"),
            (86_400.0, "86400000"),
            (86_401.0, "86400000"),
            (math.inf, "86400000"),
        ],
    )
    def test_it_holds_whole_milliseconds_and_promises_no_more_than_there_is(self, left_s: float, text: str) -> None:
        assert format_deadline(left_s) == text

    @pytest.mark.parametrize(
        ("text", "left_s"),
        [
            ("1500", 1.5),
            ("1500.5", 1.5005),
            (" 20 ", 0.02),
            ("007", 0.007),
            ("0", 0.0),
            ("-0", 0.0),
            ("-1", 0.0),
            ("-99999", 0.0),
            ("86400000", 86_400.0),
            ("86400001", 86_400.0),
            ("9" * 10_000, LONGEST_S),
        ],
    )
    def test_a_number_is_read_within_nought_and_a_day(self, text: str, left_s: float) -> None:
        assert parse_deadline(text) == pytest.approx(left_s)

    @pytest.mark.parametrize(
        "text",
        [
            None,
            "",
            " ",
            "soon",
            "1e9",
            "inf",
            "nan",
            "+5",
            "1_000",
            "0x10",
            "5 5",
            "5,5",
            ".5",
            "5.",
            "--5",
            "\u0665",
            "5s",
        ],
    )
    def test_what_is_no_number_is_as_no_header(self, text: str | None) -> None:
        assert parse_deadline(text) is None

    def test_the_longest_is_a_day(self) -> None:
        assert LONGEST_S == 24 * 3600


class TestDeadline:
    async def test_a_call_gets_its_time_from_now_on(self, make: Any, clock: Clock) -> None:
        await clock.sleep(1.0)

        assert await make(2.0).call(told) == 3.0
        assert deadline_at.get() is None

    async def test_a_nearer_deadline_of_the_caller_stays(self, make: Any) -> None:
        deadline_at.set(1.0)

        assert await make(2.0).call(told) == 1.0

    async def test_a_farther_deadline_of_the_caller_is_cut_for_this_call_only(self, make: Any) -> None:
        deadline_at.set(5.0)

        assert await make(2.0).call(told) == 2.0
        assert deadline_at.get() == 5.0

    async def test_without_a_time_of_its_own_it_keeps_the_callers(self, make: Any) -> None:
        assert await make(None).call(told) is None
        deadline_at.set(5.0)
        assert await make(None).call(told) == 5.0

    @pytest.mark.parametrize(("left_s", "margin_s"), [(0.0, 0.0), (-1.0, 0.0), (0.499, 0.5), (-1.0, 0.5)])
    async def test_what_cannot_meet_it_is_refused_without_a_call(
        self, make: Any, dependency: Any, events: list[Event], left_s: float, margin_s: float
    ) -> None:
        """Nothing left is too little, whatever the margin."""
        orders = dependency()
        deadline_at.set(left_s)

        with pytest.raises(DeadlineExceeded) as caught:
            await make(2.0, margin_s).call(orders)

        assert orders.calls == 0
        assert (caught.value.link, caught.value.left_s, caught.value.retry_after_s) == (LINK, left_s, None)
        assert str(caught.value).endswith(f"at least {margin_s * 1000:g} ms are needed")
        assert events == [Refused(LINK, "deadline", None)]

    @pytest.mark.parametrize(("left_s", "margin_s"), [(0.001, 0.0), (0.5, 0.5)])
    async def test_what_can_just_meet_it_is_begun(
        self, make: Any, events: list[Event], left_s: float, margin_s: float
    ) -> None:
        deadline_at.set(left_s)

        assert await make(2.0, margin_s).call(told) == left_s
        assert events == []

    @pytest.mark.parametrize("error", [ConnectionError, asyncio.CancelledError])
    async def test_however_a_call_ends_its_caller_is_back_at_his_own_deadline(
        self, make: Any, dependency: Any, error: type[BaseException]
    ) -> None:
        deadline_at.set(5.0)

        with pytest.raises(error):
            await make(2.0).call(dependency(error()))

        assert deadline_at.get() == 5.0

    async def test_a_cancelled_call_leaves_the_callers_deadline_behind(
        self, make: Any, dependency: Any, cancel_at: Any
    ) -> None:
        context = contextvars.copy_context()
        context.run(deadline_at.set, 5.0)
        call = cancel_at(make(2.0).call(dependency(seconds=1.0)), 1)

        with pytest.raises(asyncio.CancelledError):
            await asyncio.get_running_loop().create_task(call, context=context)

        assert context[deadline_at] == 5.0

    async def test_tasks_made_inside_inherit_it(self, make: Any) -> None:
        assert await make(2.0).call(lambda: asyncio.create_task(told())) == 2.0
        assert await asyncio.create_task(told()) is None

    async def test_calls_side_by_side_keep_their_own(self, make: Any, clock: Clock) -> None:
        async def later() -> float | None:
            await clock.sleep(0.5)
            return deadline_at.get()

        seen = await asyncio.gather(make(1.0).call(later), make(3.0).call(later), later())

        assert list(seen) == [1.0, 3.0, None]

    async def test_an_operation_in_another_context_sees_that_ones_deadline(self, make: Any) -> None:
        elsewhere = contextvars.Context()
        elsewhere.run(deadline_at.set, 9.0)

        assert await make(2.0).call(lambda: asyncio.get_running_loop().create_task(told(), context=elsewhere)) == 9.0
        assert deadline_at.get() is None

    async def test_a_call_dropped_half_way_and_closed_elsewhere_touches_nothing_there(
        self, make: Any, dependency: Any
    ) -> None:
        dropped = make(2.0).call(dependency(seconds=1.0))
        contextvars.Context().run(dropped.send, None)
        deadline_at.set(7.0)

        dropped.close()

        assert deadline_at.get() == 7.0

    def test_a_token_is_good_once(self) -> None:
        """Only another context is forgiven: undoing twice is a mistake, and says so."""
        token = deadline_at.set(1.0)
        restore(token)

        with pytest.raises(RuntimeError):
            restore(token)


@pytest.mark.parametrize(
    ("margin_s", "begun", "of_use"), [(None, 50, 3), (0.0, 4, 3), (0.1, 3, 3)], ids=["none", "no margin", "margin"]
)
async def test_work_for_callers_who_gave_up_is_not_begun(
    clock: Clock, dependency: Any, margin_s: float | None, begun: int, of_use: int
) -> None:
    """50 callers at once, each with 0.35 s; one worker, 0.1 s a call: only three can be served in time."""
    worker, work = asyncio.Semaphore(1), dependency(seconds=0.1)
    in_time = 0

    async def serve() -> None:
        nonlocal in_time
        deadline_at.set(0.35 if margin_s is not None else None)
        policy = Deadline(LINK, DeadlineSettings(None, margin_s or 0.0), clock=clock, listener=ignore)
        async with worker:
            await policy.call(work)
        in_time += clock.now() <= 0.35

    await asyncio.gather(*(serve() for _ in range(50)), return_exceptions=True)

    assert (work.calls, in_time) == (begun, of_use)


@pytest.mark.parametrize(
    ("call_timeout_s", "margin_s", "message"),
    [
        (0, 0.0, "DeadlineSettings.call_timeout_s must be more than 0, got 0"),
        (math.inf, 0.0, "DeadlineSettings.call_timeout_s must be a finite number, got inf"),
        (1.0, -0.1, "DeadlineSettings.margin_s must be at least 0, got -0.1"),
        (None, -0.1, "DeadlineSettings.margin_s must be at least 0, got -0.1"),
        (0.5, 0.5, "DeadlineSettings.call_timeout_s must be more than margin_s (0.5), got 0.5"),
    ],
)
def test_nonsense_is_refused(call_timeout_s: float | None, margin_s: float, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        DeadlineSettings(call_timeout_s, margin_s)

    assert str(caught.value) == message


def test_values_on_their_bounds_are_taken() -> None:
    assert DeadlineSettings(0.001, 0).margin_s == 0
    assert DeadlineSettings(None, 5.0).call_timeout_s is None


class TestWithoutDeadline:
    async def test_it_is_forgotten_inside_and_known_again_after(self) -> None:
        deadline_at.set(5.0)

        with without_deadline():
            assert deadline_at.get() is None

        assert deadline_at.get() == 5.0

    async def test_an_error_inside_brings_it_back_too(self) -> None:
        deadline_at.set(5.0)

        with pytest.raises(LookupError), without_deadline():
            raise LookupError

        assert deadline_at.get() == 5.0
