"""A loop whose time is a number: it jumps to the next timer, so a test of an hour takes a millisecond.

Every async test of this folder runs on it. The clock of the policies is the loop's, so timers and policies agree. A
test in which nothing would ever happen again fails at once instead of hanging.
"""

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine, Generator, Mapping
from typing import Any

import pytest

from resilience import Event, Failures


class VirtualSelector(selectors.SelectSelector):
    """Waits for nothing; what the loop would wait is added to its time."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("deadlock: no timer is set and nothing is ready, so this test would hang for ever")
        self.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time, from 0 on."""

    def __init__(self) -> None:
        self._virtual = VirtualSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Let an error in a callback fail the test, where asyncio would only log it."""
        raise RuntimeError(context["message"]) from context.get("exception")


def pytest_asyncio_loop_factories(config: Any, item: Any) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual": VirtualLoop}


class FakeClock:
    """The clock of the running loop; outside a loop, `at_s`, which a test sets."""

    at_s = 0.0

    def now(self) -> float:
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return self.at_s

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)


class CancelAt(Coroutine[Any, Any, Any]):
    """A coroutine whose own task is cancelled while it waits for the `point`-th time (from 1 on)."""

    def __init__(self, inner: Coroutine[Any, Any, Any], point: int) -> None:
        self._inner = inner
        self._point = point
        self.waits = 0

    def send(self, value: Any) -> Any:
        yielded = self._inner.send(value)
        self.waits += 1
        if self.waits == self._point:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        return yielded

    def throw(self, *error: Any) -> Any:
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise NotImplementedError


class Dependency:
    """An operation that takes `seconds`, then raises the next of `errors`, or answers "answer" where it is None."""

    def __init__(self, *errors: BaseException | None, seconds: float = 0.0) -> None:
        self.errors = list(errors)
        self.seconds = seconds
        self.calls = 0
        self.in_flight = 0
        self.most_in_flight = 0

    async def __call__(self) -> str:
        self.calls += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.seconds:
                await asyncio.sleep(self.seconds)
            error = self.errors.pop(0) if self.errors else None
            if error is not None:
                raise error
            return "answer"
        finally:
            self.in_flight -= 1


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def rng() -> random.Random:
    return random.Random(7)  # noqa: S311 -- a seed makes the test repeatable


@pytest.fixture
def events() -> list[Event]:
    """What was told; `events.append` is the listener."""
    return []


@pytest.fixture
def failures() -> Failures:
    """Connection errors are failures of the dependency, anything else is an answer."""
    return lambda error: isinstance(error, ConnectionError)


@pytest.fixture
def dependency() -> type[Dependency]:
    return Dependency


@pytest.fixture
def cancel_at() -> type[CancelAt]:
    return CancelAt


@pytest.fixture
def virtual_run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on a loop of its own: for hypothesis, which calls a test many times."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(coroutine)

    return run
