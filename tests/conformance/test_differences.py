"""The table of differences, held both ways: each shows where it must, and the original's behaviour everywhere else.

chaos/toxiproxy/server/differences.py is the table. A check asks a server by `differs(name)`.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from tests.conformance.servers import NAMED, TLS, EndedError, Server, real_binary, running, startable
from tests.conformance.wire import BOUND_S, Line, Upstream, echo, ending, exchange, greet, now

# These cannot be told from outside without a flaky clock or a wait of 25 s and more.
NOT_SHOWN = {"removal-under-load", "slicer-timer", "absurd-durations"}
CRASHING = [
    ("slicer", {}),
    ("slicer", {"average_size": 10, "size_variation": 10}),
    ("bandwidth", {"rate": -1}),
    ("latency", {"jitter": 2**62}),
]
ABSURD = [
    {"type": "latency", "attributes": {"latency": -5}},
    {"type": "latency", "attributes": {"jitter": 2**62}},
    {"type": "bandwidth", "attributes": {"rate": -1}},
    {"type": "limit_data", "attributes": {"bytes": -1}},
    {"type": "timeout", "attributes": {"timeout": -1}},
    {"type": "noop", "toxicity": 7},
    {"type": "noop", "toxicity": -1},
]


def test_the_original_was_tested() -> None:
    """Say in one place, not in hundreds, that the original is not on this machine."""
    if not real_binary():
        pytest.skip(
            "the real Toxiproxy was not tested: neither on the path nor in .lab/bin (make components builds it)"
        )
    assert "real" in startable()


def test_every_difference_is_shown_by_a_check_and_every_check_is_listed() -> None:
    """The table is complete and has nothing idle in it."""
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py")]
    asked = {name for text in texts for name in re.findall(r"differs\(\"([\w-]+)\"\)", text)}
    assert asked == NAMED.keys() - NOT_SHOWN
    assert NAMED.keys() >= NOT_SHOWN


@pytest.mark.parametrize(("kind", "attributes"), CRASHING)
async def test_attributes_that_crash_the_original(
    own_server: Server, own_line: Line, kind: str, attributes: dict[str, int]
) -> None:
    """The original takes them and dies at the next data; ours says 400 and why; strict, it takes them and lives."""
    answer = await own_line.http.post("/proxies/p/toxics", json={"type": kind, "attributes": attributes})
    # The original's slicer fills a gigabyte of stack before it dies, which is not for every machine.
    if kind != "slicer" or own_server.differs("crash"):
        _, writer = await own_line.connect()
        writer.write(b"x" * 20_000)
        if own_server.differs("crash"):
            await asyncio.sleep(0.1)
        else:
            await asyncio.to_thread(own_server.wait_for_end)
    assert answer.status_code == (400 if own_server.differs("attributes-validated") else 200)
    if answer.status_code == 400:
        assert any(name in answer.json()["error"] for name in attributes or ["average_size"])
    assert own_server.alive == (kind == "slicer" or own_server.differs("crash"))


@pytest.mark.parametrize("toxic", ABSURD)
async def test_absurd_numbers(server: Server, http: httpx.AsyncClient, toxic: dict[str, object]) -> None:
    """The original echoes any number; ours refuses it, at creation and at update, and changes nothing."""
    await http.post("/proxies", json={"name": "p", "upstream": "a:1", "listen": "127.0.0.1:0"})
    refused = server.differs("attributes-validated")
    answer = await http.post("/proxies/p/toxics", json={**toxic, "name": "t"})
    assert answer.status_code == (400 if refused else 200), answer.text
    await http.post("/proxies/p/toxics", json={"type": toxic["type"], "name": "u"})
    before = (await http.get("/proxies/p/toxics/u")).json()
    answer = await http.patch("/proxies/p/toxics/u", json=toxic)
    assert answer.status_code == (400 if refused else 200)
    assert ((await http.get("/proxies/p/toxics/u")).json() == before) == refused


async def test_packet_loss(server: Server, http: httpx.AsyncClient) -> None:
    """No release of the original knows it."""
    await http.post("/proxies", json={"name": "p", "upstream": "a:1", "listen": "127.0.0.1:0"})
    answer = await http.post("/proxies/p/toxics", json={"type": "packet_loss", "attributes": {"loss_rate": 0.5}})
    if server.differs("packet-loss"):
        assert answer.json()["attributes"] == {"loss_rate": 0.5, "correlation": 0}
    elif answer.status_code == 400:
        assert answer.json()["error"] == "invalid toxic type"
    else:
        assert server.kind == "url"


async def test_extensions(server: Server, http: httpx.AsyncClient) -> None:
    """The original has no such page, and ignores fields that it does not know."""
    answer = await http.get("/extensions")
    assert (answer.status_code == 200) == server.differs("extensions")
    await http.post("/proxies", json={"name": "p", "upstream": "a:1", "listen": "127.0.0.1:0"})
    await http.post("/proxies/p/toxics", json={"type": "noop", "ttl_s": 0.3})
    await asyncio.sleep(0.6)
    left = len((await http.get("/proxies/p/toxics")).json())
    assert left == (0 if server.differs("extensions") else 1)


async def test_reset_peer_that_counts_down_is_removed(server: Server, http: httpx.AsyncClient, echo_line: Line) -> None:
    """The original answers when the count is over; ours at once, and the connection is reset."""
    await echo_line.add("reset_peer", attributes={"timeout": 700})
    reader, writer = await echo_line.connect()
    writer.write(b"x")
    await asyncio.sleep(0.15)
    start_s = now()
    await echo_line.remove()
    assert (now() - start_s < 0.4) == server.differs("reset-removal")
    assert await ending(reader) == "reset"


async def test_toxicity_is_rolled_again_by_a_neighbour(server: Server, echo_line: Line) -> None:
    """Toxics that come and go behind it roll the original's toxicity again; ours keeps to its roll."""
    await echo_line.add("latency", toxicity=0.5, attributes={"latency": 120})
    reader, writer = await echo_line.connect()
    seen = set()
    for _ in range(14):
        seen.add(await exchange(reader, writer) >= 0.12)
        if len(seen) == 2:
            break
        await echo_line.add("noop", name="neighbour")
        await echo_line.remove("neighbour")
    assert (len(seen) == 1) == server.differs("toxicity-roll")


@pytest.mark.parametrize("kind", startable())
async def test_seed(kind: str, upstream: Upstream) -> None:
    """Two servers of one seed spare the same connections; the original throws its seed away."""
    address = await upstream(greet)
    seen = set()
    for _ in range(3):
        with running(kind, "-seed", "42") as server:
            seen.add(await rolls(server.url, address))
    assert (len(seen) == 1) == server.differs("seed")


async def rolls(url: str, address: str) -> tuple[bool, ...]:
    """Say of 24 connections, one after the other, whether a timeout toxic of toxicity 0.5 let the greeting pass."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, verify=TLS) as http:
        body = {"name": "p", "listen": "127.0.0.1:0", "upstream": address}
        port = int((await http.post("/proxies", json=body)).json()["listen"].rpartition(":")[2])
        await http.post("/proxies/p/toxics", json={"type": "timeout", "toxicity": 0.5, "attributes": {"timeout": 1}})
        passed = []
        for _ in range(24):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            passed.append(await reader.read(-1) == b"hello")
            writer.transport.abort()
    assert set(passed) == {True, False}
    return tuple(passed)


BYTES = re.compile(
    r'^toxiproxy_proxy_received_bytes_total\{direction="upstream",listener="127[^}]*proxy="p"[^}]*\} 4', re.MULTILINE
)


@pytest.mark.parametrize("kind", startable())
async def test_proxy_metrics(kind: str, upstream: Upstream, line_through: Callable[..., Awaitable[Line]]) -> None:
    """The original counts a connection's bytes when it ends; ours as they pass, with counters of its own beside."""
    with running(kind, "-proxy-metrics", "-runtime-metrics") as server:
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, verify=TLS) as http:
            proxy = await line_through(http, "p", await upstream(echo))
            reader, writer = await proxy.connect()
            await exchange(reader, writer)
            live = await http.get("/metrics")
            writer.close()
            assert live.headers["content-type"].startswith("text/plain; version=0.0.4")
            assert bool(BYTES.search(live.text)) == server.differs("metrics-live")
            assert ("toxiproxy_proxy_connections_total" in live.text) == server.differs("metrics-live")
            assert ("go_goroutines" not in live.text) == server.differs("runtime-metrics")
            assert "process_resident_memory_bytes" in live.text
            async with asyncio.timeout(BOUND_S):
                while not BYTES.search((await http.get("/metrics")).text):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.02)


@pytest.mark.parametrize("kind", startable())
def test_a_config_that_cannot_be_used(kind: str, tmp_path: Path) -> None:
    """The original says so and starts without it; ours ends."""
    config = tmp_path / "links.json"
    config.write_text("{")
    try:
        with running(kind, "-config", str(config)) as server:
            ended = False
            assert server.alive
    except EndedError:
        ended = True
    assert ended == Server(kind, "", None).differs("config-refused")


async def test_a_body_of_more_than_64_mib(server: Server, http: httpx.AsyncClient) -> None:
    """The original reads it all; ours stops."""
    body = b" " * (65 * 2**20) + b'{"name":"n","upstream":"a:1","listen":"bad"}'
    answer = await http.post("/proxies", content=body)
    assert answer.status_code == (413 if server.differs("body-limit") else 500)
    assert server.alive
