"""The load shedder as a server meets it: requests run, wait, are refused, go away, and leave nothing behind."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from resilience.clock import Clock
from resilience.codel import CoDelSettings
from resilience.concurrency_limit import GradientSettings
from resilience.deadline import deadline_at
from resilience.errors import SettingsError
from resilience.events import Event, LimitChanged, RequestShed, ServerQueueChanged
from resilience.load_shedding import LoadShedding, SheddingSettings, alike
from resilience.states import ShedReason

SERVER = "orders"
SETTINGS = SheddingSettings(max_concurrent=1, max_waiting=2, max_wait_s=1.0)
GRADIENT = GradientSettings(initial=2, min_limit=1, max_limit=9, window_s=1.0, min_samples=1, smoothing=1.0)


class App:
    """Takes `seconds`, or what the scope says, then answers; it listens first where the scope says so."""

    def __init__(self, seconds: float = 0.4, status: int = 200, error: type[BaseException] | None = None) -> None:
        self.seconds = seconds
        self.status = status
        self.error = error
        self.served: list[str] = []
        self.deadlines: list[float | None] = []
        self.in_flight = 0
        self.most_in_flight = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.served.append(scope.get("path", scope["type"]))
        self.deadlines.append(deadline_at.get())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.seconds)
            if self.error is not None:
                raise self.error
            if self.status:
                await send({"type": "http.response.start", "status": self.status, "headers": []})
                await send({"type": "http.response.body", "body": b"done"})
        finally:
            self.in_flight -= 1


class Client:
    """One request: what it was answered, and when it goes away, if it does."""

    def __init__(self, path: str = "/", *, goes_at: float | None = None, **headers: str) -> None:
        names = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        self.scope = {"type": "http", "path": path, "headers": list(names.items())}
        self.goes_at = goes_at
        self.sent: list[Any] = []
        self.body_sent = False

    async def receive(self) -> Any:
        if not self.body_sent:
            self.body_sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        loop = asyncio.get_running_loop()
        await asyncio.sleep(3600 if self.goes_at is None else self.goes_at - loop.time())
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await asyncio.sleep(0)
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"]) if self.sent else 0

    def ask(self, server: LoadShedding) -> asyncio.Task[None]:
        async def call() -> None:
            await server(*parts(self))

        return asyncio.create_task(call())


@pytest.fixture
def make(clock: Clock, events: list[Event]) -> Callable[..., LoadShedding]:
    def make(app: App, *, priority: Any = alike, exempt: Any = (), **changes: Any) -> LoadShedding:
        return LoadShedding(
            app,
            server=SERVER,
            settings=replace(SETTINGS, **changes),
            clock=clock,
            listener=events.append,
            priority=priority,
            exempt=exempt,
        )

    return make


def parts(client: Client) -> tuple[Any, Any, Any]:
    return client.scope, client.receive, client.send


def counts(server: LoadShedding) -> tuple[int, int]:
    return server._queue.in_flight, server._queue.waiting


async def turn() -> None:
    """Let every task that is ready go as far as it can, without time passing."""
    for _ in range(8):
        await asyncio.sleep(0)


def shed(events: list[Event]) -> list[ShedReason]:
    return [event.reason for event in events if isinstance(event, RequestShed)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"max_concurrent": 0}, "SheddingSettings.max_concurrent must be at least 1"),
        ({"max_concurrent": 1.5}, "SheddingSettings.max_concurrent must be a whole number"),
        ({"max_wait_s": 0}, "SheddingSettings.max_wait_s must be more than 0"),
        ({"order": "random"}, "SheddingSettings.order must be one of"),
    ],
)
def test_nonsense_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        replace(SETTINGS, **changes)


async def test_so_many_run_so_many_wait_and_the_rest_is_refused_at_once(
    make: Any, events: list[Event], clock: Clock
) -> None:
    app = App()
    server, clients = make(app), [Client(f"/{number}") for number in range(4)]
    tasks = [client.ask(server) for client in clients]
    await turn()
    assert [client.status for client in clients] == [0, 0, 0, 503]
    assert (clock.now(), counts(server)) == (0, (1, 2))
    await asyncio.gather(*tasks)

    assert [client.status for client in clients] == [200, 200, 200, 503]
    assert json.loads(clients[3].sent[1]["body"])["instance"] == "/3"
    assert app.served == ["/0", "/1", "/2"]
    assert app.most_in_flight == 1
    assert clock.now() == pytest.approx(1.2)
    assert events == [
        ServerQueueChanged(SERVER, 1, 0),
        ServerQueueChanged(SERVER, 1, 1),
        ServerQueueChanged(SERVER, 1, 2),
        RequestShed(SERVER, ShedReason.FULL),
        ServerQueueChanged(SERVER, 1, 1),
        ServerQueueChanged(SERVER, 1, 0),
        ServerQueueChanged(SERVER, 0, 0),
    ]


async def test_a_refusal_at_once_costs_no_task(make: Any) -> None:
    server = make(App(), max_waiting=0)
    running, refused = Client().ask(server), Client()
    await turn()
    tasks: list[set[Any]] = []

    async def send(message: Any) -> None:
        tasks.append(asyncio.all_tasks())

    await server(refused.scope, refused.receive, send)

    assert tasks == [{running, asyncio.current_task()}] * 2
    await running


async def test_a_wait_that_takes_too_long_is_refused(make: Any, events: list[Event], clock: Clock) -> None:
    server = make(App(seconds=5))
    first, second = Client(), Client()
    running = first.ask(server)
    await second.ask(server)

    assert clock.now() == 1.0
    assert (second.status, shed(events), counts(server)) == (503, [ShedReason.SLOW], (1, 0))
    assert "waited too long" in json.loads(second.sent[1]["body"])["detail"]
    await running


async def test_a_higher_priority_takes_the_place_of_a_lower_and_goes_before(make: Any, events: list[Event]) -> None:
    app = App()
    server = make(app, priority=lambda scope: int(scope["path"].strip("/")[0]))
    paths = ["/0", "/1a", "/1b", "/2"]
    clients = [Client(path) for path in paths]
    await asyncio.gather(*(client.ask(server) for client in clients))

    assert app.served == ["/0", "/2", "/1a"]
    assert (clients[2].status, shed(events)) == (503, [ShedReason.EVICTED])


async def test_by_default_all_are_alike() -> None:
    assert alike({"path": "/vip"}) == alike({}) == 0


@pytest.mark.parametrize(("order", "served"), [("fifo", ["/0", "/1", "/2"]), ("lifo", ["/0", "/2", "/1"])])
async def test_the_order_is_the_settings(make: Any, order: str, served: list[str]) -> None:
    app = App()
    server = make(app, order=order)
    await asyncio.gather(*(Client(f"/{number}").ask(server) for number in range(3)))

    assert app.served == served


@pytest.mark.parametrize("scope", [{"type": "lifespan"}, {"type": "websocket", "path": "/"}])
async def test_what_is_no_http_request_passes_by(make: Any, scope: Any, events: list[Event]) -> None:
    app = App(seconds=0)
    server, running = make(app), Client()
    running.scope = scope
    await running.ask(server)

    assert (len(app.served), events) == (1, [])


async def test_exempt_paths_pass_by_a_full_server(make: Any, events: list[Event]) -> None:
    app = App()
    server = make(app, max_waiting=0, exempt=["/health"])
    clients = [Client("/orders"), Client("/health"), Client("/healthy")]
    await asyncio.gather(*(client.ask(server) for client in clients))

    assert [client.status for client in clients] == [200, 200, 503]
    assert max(event.in_flight for event in events if isinstance(event, ServerQueueChanged)) == 1


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
async def test_a_slot_comes_back_however_the_app_ends(make: Any, error: type[BaseException]) -> None:
    server = make(App(error=error))
    with pytest.raises(error):
        await Client().ask(server)

    assert counts(server) == (0, 0)


async def test_a_deadline_nearer_than_the_margin_is_refused_at_the_door(make: Any, events: list[Event]) -> None:
    app = App()
    server = make(app, margin_s=0.1)
    late = Client(x_deadline_ms="99")
    await late.ask(server)
    assert (late.status, shed(events), counts(server)) == (503, [ShedReason.DEADLINE], (0, 0))

    in_time = Client(x_deadline_ms="101")
    await in_time.ask(server)
    assert in_time.status == 200


async def test_a_wait_ends_when_the_deadline_leaves_no_more_than_the_margin(
    make: Any, events: list[Event], clock: Clock
) -> None:
    server = make(App(seconds=5), margin_s=0.125)
    await asyncio.sleep(3)
    running, waiting = Client(), Client(x_deadline_ms="1000")
    task = running.ask(server)
    await waiting.ask(server)

    assert clock.now() == 3.875
    assert (waiting.status, shed(events), counts(server)) == (503, [ShedReason.DEADLINE], (1, 0))
    await task


async def test_a_deadline_further_off_than_the_longest_wait_changes_nothing(
    make: Any, events: list[Event], clock: Clock
) -> None:
    server = make(App(seconds=5), margin_s=0.125)
    running, waiting = Client(), Client(x_deadline_ms="1125")
    task = running.ask(server)
    await waiting.ask(server)

    assert (clock.now(), shed(events)) == (1.0, [ShedReason.SLOW])
    await task


async def test_the_app_runs_under_the_deadline_that_counts_from_the_door(make: Any) -> None:
    """Read again after the queue, the header would give the wait back."""
    app = App()
    server = make(app)
    await asyncio.gather(*(Client(x_deadline_ms="2000").ask(server) for _ in range(3)))

    assert app.deadlines == [2.0, 2.0, 2.0]


async def test_the_deadline_of_a_request_is_gone_with_it(make: Any) -> None:
    app = App()
    server = make(app)
    await server(*parts(Client(x_deadline_ms="2000")))
    assert deadline_at.get() is None
    await server(*parts(Client()))

    assert app.deadlines == [2.0, None]


async def test_what_the_servers_task_inherited_is_a_strangers(make: Any) -> None:
    """A server may run a request in the context of another one of the same connection, whose time was up long ago."""
    app = App()
    server = make(app, margin_s=0.1)
    deadline_at.set(-9.0)

    await Client(x_deadline_ms="9000").ask(server)
    await Client().ask(server)

    assert app.deadlines == [9.0, None]


async def test_at_the_edge_a_strangers_deadline_is_not_believed(make: Any, events: list[Event]) -> None:
    app = App()
    server = make(app, margin_s=0.1, believe_deadlines=False)

    await Client(x_deadline_ms="1").ask(server)

    assert app.deadlines == [None]
    assert shed(events) == []


async def test_a_listener_that_raises_leaves_nobody_waiting_for_ever(clock: Clock) -> None:
    """One exception as the limit rises; the two who wait are served all the same."""
    app = App(0.4)

    def listener(event: Event) -> None:
        if isinstance(event, LimitChanged) and event.limit > 2:
            raise LookupError

    server = LoadShedding(
        app,
        server=SERVER,
        settings=replace(SETTINGS, max_concurrent=GRADIENT, max_waiting=4),
        clock=clock,
        listener=listener,
    )
    clients = [Client() for _ in range(4)]
    ends = await asyncio.gather(*(client.ask(server) for client in clients), return_exceptions=True)
    later = Client()
    await asyncio.gather(later.ask(server), return_exceptions=True)

    assert [client.status for client in clients] == [200] * 4
    assert later.status == 200
    assert counts(server) == (0, 0)
    assert all(end is None or isinstance(end, LookupError) for end in ends)


async def test_a_waiting_client_that_goes_gives_its_place_back_and_is_not_served(
    make: Any, events: list[Event], clock: Clock
) -> None:
    app = App()
    server = make(app)
    running, goes, stays = Client("/0"), Client("/goes", goes_at=0.1), Client("/stays")
    tasks = [client.ask(server) for client in (running, goes, stays)]
    await tasks[1]
    assert (clock.now(), counts(server)) == (0.1, (1, 1))
    await asyncio.gather(*tasks)

    assert app.served == ["/0", "/stays"]
    assert (goes.sent, shed(events), counts(server)) == ([], [], (0, 0))


async def test_a_client_that_goes_while_it_is_served_is_the_apps_affair(make: Any) -> None:
    app = App()
    server = make(app)
    clients = [Client("/0"), Client("/1", goes_at=0.5)]
    await asyncio.gather(*(client.ask(server) for client in clients))

    assert app.served == ["/0", "/1"]
    assert clients[1].status == 200


async def test_what_was_heard_while_it_waited_the_app_hears(make: Any) -> None:
    heard = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.append(await receive())
        await asyncio.sleep(0.1)

    server = make(app)
    await asyncio.gather(*(Client().ask(server) for _ in range(3)))

    assert heard == [{"type": "http.request", "body": b"", "more_body": False}] * 3


@pytest.mark.parametrize("how", [{}, {"max_concurrent": GRADIENT}, {"exempt": ["/"]}])
async def test_a_request_that_does_not_wait_is_handed_on_as_it_came(make: Any, how: dict[str, Any]) -> None:
    heard: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.append((scope, receive))

    client = Client()
    await client.ask(make(app, **how))

    assert heard == [(client.scope, client.receive)]


async def test_a_body_that_comes_while_the_app_runs_is_heard_once(make: Any) -> None:
    """It was listened for while the request waited; from then on it is the app's."""
    body, gone = {"type": "http.request", "more_body": False}, {"type": "http.disconnect"}
    messages = [(0.6, body), (0.9, gone)]
    heard = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/late":
            heard.extend([await receive(), await receive()])
        else:
            await asyncio.sleep(0.4)

    async def receive() -> Any:
        at, message = messages.pop(0)
        await asyncio.sleep(at - asyncio.get_running_loop().time())
        return message

    server, late = make(app), Client("/late")
    await asyncio.gather(Client("/").ask(server), server(late.scope, receive, late.send))

    assert heard == [body, gone]


async def test_nothing_is_left_behind(make: Any) -> None:
    """No task that listens to a client, no timer of a wait."""
    server = make(App(seconds=0.1), max_wait_s=60.0)
    cancelled = Client()
    tasks = [Client().ask(server), cancelled.ask(server), Client().ask(server)]
    await turn()
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)

    loop: Any = asyncio.get_running_loop()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert [timer for timer in loop._scheduled if not timer.cancelled()] == []


async def test_cancelled_wherever_it_waits_a_request_loses_neither_slot_nor_place(make: Any, cancel_at: Any) -> None:
    """In the queue, in the app, in the midst of its answer and of its refusal."""
    for first_s, point in ((0.1, 1), (0.1, 2), (0.1, 3), (0.1, 4), (9.0, 1), (9.0, 2), (9.0, 3)):
        app = App(seconds=first_s)
        server = make(app)
        running = Client().ask(server)
        await turn()
        client = Client()
        victim = asyncio.create_task(cancel_at(server(*parts(client)), point))
        with pytest.raises(asyncio.CancelledError):
            await victim
        app.seconds = 0.1
        await running

        assert counts(server) == (0, 0)
        last = Client()
        await last.ask(server)
        assert last.status == 200


async def test_a_slot_handed_to_a_request_that_is_cancelled_in_the_same_turn_goes_on(make: Any) -> None:
    app = App(seconds=0.1)
    server = make(app)
    waiting: list[asyncio.Task[None]] = []

    async def ends() -> None:
        await server(*parts(Client("/0")))
        # The slot is the first waiting request's now, which has not run since.
        waiting[0].cancel()

    running = asyncio.create_task(ends())
    await turn()
    waiting += [Client("/1").ask(server), Client("/2").ask(server)]
    await turn()
    await running
    assert counts(server) == (1, 0)
    await asyncio.gather(*waiting, return_exceptions=True)

    assert waiting[0].cancelled()
    assert app.served == ["/0", "/2"]
    assert counts(server) == (0, 0)


async def test_a_wait_whose_time_is_over_in_the_turn_in_which_its_slot_comes_is_served(make: Any) -> None:
    """The loop is late, as loops are: it finds the slot and the timer at once, in this order."""
    app = App(seconds=0.5, status=0)
    server = make(app)
    loop: Any = asyncio.get_running_loop()
    loop.call_at(0.5, setattr, loop._virtual, "now", 1.0)
    await asyncio.gather(Client("/0").ask(server), Client("/1").ask(server))

    assert app.served == ["/0", "/1"]
    assert counts(server) == (0, 0)


async def test_a_queue_that_stands_is_shortened(make: Any, events: list[Event]) -> None:
    """Three requests a tenth to a server of one: nobody who is served has waited for more than twice the target."""
    app = App(seconds=0.1)
    server = make(app, max_waiting=100, codel=CoDelSettings(target_s=0.15, interval_s=0.5))
    tasks = []
    for _ in range(30):
        tasks += [Client().ask(server) for _ in range(3)]
        await asyncio.sleep(0.1)
    slow = shed(events).count(ShedReason.SLOW)
    full = len(shed(events)) - slow
    assert (slow > 30, full) == (True, 0)
    assert server._queue.waiting < 15
    await asyncio.gather(*tasks)
    assert counts(server) == (0, 0)


async def test_when_every_waiting_request_is_being_cancelled_the_slot_is_free(make: Any) -> None:
    waiting: list[asyncio.Task[None]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.1)
        for task in waiting:
            task.cancel()

    server = make(app)
    running = Client().ask(server)
    await turn()
    waiting += [Client().ask(server), Client().ask(server)]
    await turn()
    await running

    assert counts(server) == (0, 0)
    await asyncio.gather(*waiting, return_exceptions=True)
    assert counts(server) == (0, 0)


async def test_a_wait_that_ends_in_the_turn_of_its_cancellation_is_told_to_be_over(
    make: Any, events: list[Event]
) -> None:
    server = make(App(seconds=5))
    running = Client().ask(server)
    await turn()
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []
    loop.call_at(1.0, lambda: [task.cancel() for task in tasks])
    tasks.append(Client().ask(server))
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]

    assert counts(server) == (1, 0)
    assert events[-1] == ServerQueueChanged(SERVER, 1, 0)
    await running


async def test_a_cancelled_wait_is_told_to_be_over(make: Any, events: list[Event]) -> None:
    server = make(App())
    running, waiting = Client().ask(server), Client().ask(server)
    await turn()
    waiting.cancel()
    await turn()

    assert events[-1] == ServerQueueChanged(SERVER, 1, 0)
    await running


async def test_a_queue_that_is_emptied_by_refusals_is_told_to_be_empty(make: Any, events: list[Event]) -> None:
    """The app goes on for longer than the deadlines, and holds the loop up: no timer comes before it."""
    loop: Any = asyncio.get_running_loop()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.1)
        loop._virtual.now = 0.5

    server, late = make(app), Client(x_deadline_ms="300")
    await asyncio.gather(Client().ask(server), late.ask(server))

    assert (late.status, shed(events)) == (503, [ShedReason.DEADLINE])
    assert events[-2:] == [ServerQueueChanged(SERVER, 0, 0), RequestShed(SERVER, ShedReason.DEADLINE)]


async def test_an_adaptive_limit_lets_more_run_while_all_is_well(make: Any, events: list[Event]) -> None:
    app = App(seconds=1.0)
    server = make(app, max_concurrent=GRADIENT, max_waiting=20, max_wait_s=60.0)
    await asyncio.gather(*(Client().ask(server) for _ in range(20)))

    assert [event for event in events if isinstance(event, LimitChanged)] == [
        LimitChanged(SERVER, 2),
        LimitChanged(SERVER, 6),
        LimitChanged(SERVER, 9),
    ]
    assert app.most_in_flight == 9, "each free slot is used as soon as the limit has risen"


@pytest.mark.parametrize(
    ("status", "error", "limit"),
    [
        (200, None, 6),
        (499, None, 6),
        (500, None, 2),
        (502, None, 2),
        (503, None, 1),
        (504, None, 1),
        (0, None, 2),
        (200, TimeoutError, 1),
        (200, ValueError, 2),
        (200, asyncio.CancelledError, 2),
    ],
)
async def test_an_adaptive_limit_learns_from_answers_and_falls_by_overload(
    make: Any, status: int, error: type[BaseException] | None, limit: int
) -> None:
    """A bug (500), a request that breaks off and one that is not answered teach nothing."""
    server = make(App(seconds=1.0, status=status, error=error), max_concurrent=GRADIENT)
    [end] = await asyncio.gather(Client().ask(server), return_exceptions=True)

    assert type(end) is (error or type(None)), "what the app raises passes through"
    assert (server._queue.limit, counts(server)) == (limit, (0, 0))


async def test_an_adaptive_limit_measures_the_running_not_the_wait(make: Any) -> None:
    server = make(App(seconds=1.0), max_concurrent=replace(GRADIENT, initial=1, max_limit=1), max_wait_s=9.0)
    await asyncio.gather(*(Client().ask(server) for _ in range(3)))

    assert server._gradient._long_s == 1.0


async def test_it_carries_what_it_was_given(make: Any) -> None:
    app = App()
    server = make(app)

    assert (server.app, server.server) == (app, SERVER)


async def answered_in_time(server: Any, clock: Clock, patience_s: float = 0.5) -> list[float]:
    """Ask 200 times a second for 8 s; return the times of the answers that came before the caller gave up."""
    times = []

    async def one(number: int) -> None:
        await asyncio.sleep(number / 200)
        client, asked_at = Client(), clock.now()
        await server(*parts(client))
        if client.status == 200 and clock.now() - asked_at <= patience_s:
            times.append(clock.now() - asked_at)

    await asyncio.gather(*(one(number) for number in range(1600)))
    return sorted(times)


class TenAtOnce(App):
    """Serves 100 requests/s: ten at once, a tenth of a second each; nobody tells it that a caller gave up."""

    def __init__(self) -> None:
        super().__init__(seconds=0.1)
        self.slots = asyncio.Semaphore(10)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async with self.slots:
            await super().__call__(scope, receive, send)


async def test_twice_what_it_can_do_without_a_shedder(clock: Clock) -> None:
    """Of 800 that could have been served, fewer than 100 are in time; all 1600 are worked on, 8 s past the last."""
    app = TenAtOnce()

    assert len(await answered_in_time(app, clock)) < 100
    assert len(app.served) == 1600
    assert clock.now() > 15.9


@pytest.mark.parametrize(
    "changes", [{}, {"order": "lifo"}, {"order": "adaptive", "codel": CoDelSettings(target_s=0.02)}]
)
async def test_twice_what_it_can_do_with_a_shedder(make: Any, clock: Clock, changes: dict[str, Any]) -> None:
    """All 800 that can be served are, in time, and the work ends with the demand."""
    app = TenAtOnce()
    server = make(app, max_concurrent=10, max_waiting=20, **changes)
    times = await answered_in_time(server, clock)

    assert 800 <= len(times) == len(app.served) <= 830
    assert times[-1] < 0.4
    assert clock.now() < 8.4
