"""However requests come, go away and are cancelled, the shedder keeps its bounds and ends each exactly once."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilience.admission_queue import ORDERS
from resilience.codel import CoDelSettings
from resilience.concurrency_limit import GradientSettings
from resilience.events import Event, RequestShed, ServerQueueChanged
from resilience.load_shedding import LoadShedding, SheddingSettings


class Request(NamedTuple):
    """Times in tenths of a second."""

    comes: int
    takes: int
    priority: int
    left: int | None  # to its deadline, when it comes
    client_goes: int | None
    cancelled: tuple[int, int] | None  # when, and after how many turns of that instant


# Few instants, so that many things happen at the same one.
TENTHS = st.integers(0, 4)
REQUESTS = st.builds(
    Request,
    TENTHS,
    TENTHS,
    st.integers(0, 1),
    st.none() | TENTHS,
    st.none() | TENTHS,
    st.none() | st.tuples(TENTHS, st.integers(0, 4)),
)
ADAPTIVE = GradientSettings(initial=2, min_limit=1, max_limit=3, window_s=0.1, min_samples=1)
SETTINGS = st.builds(
    SheddingSettings,
    max_concurrent=st.integers(1, 2) | st.just(ADAPTIVE),
    max_waiting=st.integers(0, 3),
    max_wait_s=st.just(0.3),
    order=st.sampled_from(ORDERS),
    codel=st.none() | st.just(CoDelSettings(target_s=0.05, interval_s=0.1)),
    margin_s=st.just(0.05),
)


class World:
    """The server, its app and its clients, and what became of each request."""

    def __init__(self, how: SheddingSettings, requests: list[Request], clock: Any) -> None:
        self.requests = requests
        self.events: list[Event] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.ran: list[int] = []
        self.refused: list[int] = []
        self.returned: list[int] = []
        self.server = LoadShedding(
            self.app,
            server="server",
            settings=how,
            clock=clock,
            listener=self.events.append,
            priority=lambda scope: int(scope["priority"]),
        )

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.ran.append(scope["number"])
        try:
            await asyncio.sleep(scope["takes"] / 10)
            await send({"type": "http.response.start", "status": 200, "headers": []})
        finally:
            self.in_flight -= 1

    async def one(self, number: int) -> None:
        request = self.requests[number]
        await asyncio.sleep(request.comes / 10)
        headers = [] if request.left is None else [(b"x-deadline-ms", str(request.left * 100).encode())]
        scope: dict[str, Any] = {"type": "http", "path": "/", "headers": headers, "number": number}
        scope |= {"takes": request.takes, "priority": request.priority}

        async def receive() -> Any:
            goes_at = 90 if request.client_goes is None else request.client_goes
            await asyncio.sleep(max(0.0, goes_at / 10 - asyncio.get_running_loop().time()))
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message.get("status") == 503:
                self.refused.append(number)
            await asyncio.sleep(0)

        await self.server(scope, receive, send)
        self.returned.append(number)

    async def all(self) -> list[Any]:
        loop = asyncio.get_running_loop()

        def cancel(task: asyncio.Task[None], turns: int) -> None:
            if turns:
                loop.call_soon(cancel, task, turns - 1)
            else:
                task.cancel()

        tasks = [asyncio.create_task(self.one(number)) for number in range(len(self.requests))]
        for task, request in zip(tasks, self.requests, strict=True):
            if request.cancelled is not None:
                tenths, turns = request.cancelled
                loop.call_later(tenths / 10, cancel, task, turns)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}, "somebody still listens to a client"
        return ends


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SETTINGS, st.lists(REQUESTS, min_size=2, max_size=12))
def test_however_requests_come_and_go(
    virtual_run: Callable[..., Any], clock: Any, how: SheddingSettings, requests: list[Request]
) -> None:
    world = World(how, requests, clock)
    ends = virtual_run(world.all())

    assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ends)
    queue = world.server._queue
    assert (queue.in_flight, queue.waiting, world.in_flight) == (0, 0, 0)
    limit = ADAPTIVE.max_limit if how.max_concurrent is ADAPTIVE else how.max_concurrent
    assert isinstance(limit, int)
    assert world.most_in_flight <= limit
    ran, refused = set(world.ran), set(world.refused)
    assert len(ran) == len(world.ran), "a request ran twice"
    assert not ran & refused, "a request ran and was refused"
    for number in set(world.returned) - ran - refused:
        assert requests[number].client_goes is not None, "a request got lost"
    assert sum(isinstance(event, RequestShed) for event in world.events) == len(refused)
    told = [event for event in world.events if isinstance(event, ServerQueueChanged)]
    assert all(event.in_flight <= limit and event.waiting <= how.max_waiting for event in told)
    assert not told or (told[-1].in_flight, told[-1].waiting) == (0, 0)
