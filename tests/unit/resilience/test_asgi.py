"""What a policy needs of ASGI: the deadline's header, the refusal, the status, and the ear for a client who goes."""

import asyncio
import json
from collections import deque
from typing import Any

import pytest

from resilience.asgi import Inbox, header_deadline, refuse, status_of
from resilience.states import ShedReason

BODY = {"type": "http.request", "body": b"all", "more_body": False}
PIECE = {"type": "http.request", "body": b"some", "more_body": True}
GONE = {"type": "http.disconnect"}


class Client:
    """Sends the messages, an exception for an error of the server; after them nothing more comes."""

    def __init__(self, *messages: Any) -> None:
        self.messages = deque(messages)
        self.received = 0
        self.waiting = 0

    async def receive(self) -> Any:
        self.received += 1
        self.waiting += 1
        try:
            await asyncio.sleep(0.1)
            if not self.messages:
                await asyncio.Event().wait()
            message = self.messages.popleft()
        finally:
            self.waiting -= 1
        if isinstance(message, Exception):
            raise message
        return message


@pytest.mark.parametrize(
    ("values", "deadline"),
    [
        ([], None),
        ([b"250"], 10.25),
        ([b"soon"], None),
        ([b"500", b"250"], 10.25),
        ([b"250", b"soon", b"500"], 10.25),
        ([b"0"], 10.0),
        ([b"\xff"], None),
    ],
)
def test_the_nearest_deadline_of_the_headers_counts(values: list[bytes], deadline: float | None) -> None:
    headers = [(b"host", b"100"), *((b"x-deadline-ms", value) for value in values), (b"x-other", b"1")]

    assert header_deadline({"headers": headers}, 10.0) == deadline


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        (ShedReason.FULL, "the server is at its limit and its queue is full"),
        (ShedReason.EVICTED, "a request of higher priority took the place in the queue"),
        (ShedReason.SLOW, "the request waited too long in the queue"),
        (ShedReason.DEADLINE, "too little of the caller's time was left to begin"),
    ],
)
async def test_a_refusal_is_a_503_with_problem_details(reason: ShedReason, detail: str) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await refuse({"path": "/orders/ä b"}, send, reason)

    start, body = sent
    assert (start["type"], start["status"]) == ("http.response.start", 503)
    assert start["headers"] == [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body["body"])).encode()),
        (b"retry-after", b"1"),
    ]
    assert body["type"] == "http.response.body"
    assert json.loads(body["body"]) == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": detail,
        "instance": "/orders/%C3%A4%20b",
    }


async def test_the_status_is_that_of_the_answer_and_0_without_one() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in scope["answers"]:
            await send({**message, "heard": await receive()})

    answers = [{"type": "http.response.start", "status": 204}, {"type": "http.response.body", "status": 1}]
    receive = Client(BODY, BODY).receive

    assert await status_of(app, {"answers": answers}, receive, send) == 204
    assert sent == [{**message, "heard": BODY} for message in answers]
    assert await status_of(app, {"answers": []}, receive, send) == 0


@pytest.fixture
def went() -> list[str]:
    return []


def listening(client: Client, went: list[str]) -> Inbox:
    inbox = Inbox(client.receive)
    inbox.listen(lambda: went.append("gone"))
    return inbox


async def test_a_client_that_goes_is_heard(went: list[str]) -> None:
    inbox = listening(Client(GONE), went)
    await asyncio.sleep(0.2)

    assert went == ["gone"]
    assert await inbox.receive() == GONE, "the app may still ask"


@pytest.mark.parametrize("body", [BODY, {"type": "http.request"}])
async def test_a_client_that_goes_after_its_body_is_heard(went: list[str], body: dict[str, Any]) -> None:
    """ASGI lets a server leave `more_body` out: there is no more."""
    listening(Client(body, GONE), went)
    await asyncio.sleep(0.15)
    assert went == []
    await asyncio.sleep(0.1)

    assert went == ["gone"]


@pytest.mark.parametrize("waited_s", [0.0, 0.05, 0.1, 0.15, 0.25])
@pytest.mark.parametrize("messages", [(BODY, GONE), (PIECE, PIECE, BODY, GONE), ({"type": "http.request"}, GONE)])
async def test_whenever_the_app_begins_it_hears_everything_in_order(
    went: list[str], waited_s: float, messages: tuple[Any, ...]
) -> None:
    client = Client(*messages)
    inbox = listening(client, went)
    await asyncio.sleep(waited_s)
    inbox.stop()

    assert [await inbox.receive() for _ in messages] == list(messages)
    inbox.close()
    assert client.waiting == 0


async def test_of_a_body_in_pieces_only_the_first_is_read_ahead(went: list[str]) -> None:
    client = Client(PIECE, BODY)
    listening(client, went)
    await asyncio.sleep(1)

    assert client.received == 1


async def test_who_has_stopped_hears_no_more(went: list[str]) -> None:
    """Even of what came in that very turn."""
    inbox = listening(Client(GONE), went)
    asyncio.get_running_loop().call_later(0.1, inbox.stop)
    await asyncio.sleep(1)

    assert went == []


async def test_without_having_listened_it_is_the_servers_receive() -> None:
    inbox = Inbox(Client(BODY).receive)

    assert await inbox.receive() == BODY
    inbox.close()


async def test_an_error_of_the_servers_receive_is_the_apps_to_see(went: list[str]) -> None:
    inbox = listening(Client(OSError("gone"), BODY), went)
    await asyncio.sleep(0.2)
    inbox.stop()

    with pytest.raises(OSError, match="gone"):
        await inbox.receive()
    assert await inbox.receive() == BODY
    assert went == []


async def test_an_error_that_nobody_asks_for_is_no_ones(went: list[str]) -> None:
    """The virtual loop fails the test where asyncio would report an exception that was never retrieved."""
    inbox = listening(Client(OSError()), went)
    await asyncio.sleep(0.2)
    inbox.close()
    del inbox

    assert went == []


@pytest.mark.parametrize("messages", [(), (BODY,)])
async def test_closed_it_leaves_no_task_behind(went: list[str], messages: tuple[Any, ...]) -> None:
    client = Client(*messages)
    inbox = listening(client, went)
    await asyncio.sleep(0.25)
    inbox.close()
    await asyncio.sleep(0)

    assert client.waiting == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_app_cancelled_while_it_listens_loses_no_message(went: list[str]) -> None:
    client = Client(BODY)
    inbox = listening(client, went)
    inbox.stop()
    listener = asyncio.create_task(inbox.receive())
    await asyncio.sleep(0.05)
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)

    assert await inbox.receive() == BODY
    assert client.received == 2


@pytest.mark.parametrize(("headers", "at"), [([(b"x-deadline-ms", b"500")], 1.5), ([], None)])
def test_the_first_who_asks_fixes_the_deadline(headers: list[tuple[bytes, bytes]], at: float | None) -> None:
    """Asked again later, or after somebody has changed the headers, it is what it was."""
    scope: dict[str, Any] = {"type": "http", "headers": headers}

    first = header_deadline(scope, 1.0)
    scope["headers"] = [(b"x-deadline-ms", b"900")]

    assert (first, header_deadline(scope, 3.0)) == (at, at)
