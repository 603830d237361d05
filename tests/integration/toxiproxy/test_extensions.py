"""What the embedded server does beyond Toxiproxy, and that the original says it does not know it."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from chaos.fault_support import possible
from chaos.scenario import Toxic
from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.server.toxics import EXTENSIONS

BOUND_S = 15.0


async def reply(line: Any) -> bytes:
    """Return what one message on a new connection brings back."""
    async with asyncio.timeout(BOUND_S):
        reader, writer = await line.connect()
        writer.write(b"x")
        answer: bytes = await reader.read(1)
        return answer


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not await holds():  # noqa: ASYNC110 - the server is another process
            await asyncio.sleep(0.05)


async def clean(http: httpx.AsyncClient) -> bool:
    proxy = (await http.get("/proxies/echo")).json()
    return bool(proxy["enabled"]) and proxy["toxics"] == []


@pytest.fixture
def embedded(toxiproxy_server: Any) -> None:
    if not toxiproxy_server.embedded:
        pytest.skip("an extension of the embedded server")


async def test_a_client_finds_out_what_a_server_has(client: ToxiproxyClient, toxiproxy_server: Any) -> None:
    """The original answers 404 to the question, which is the answer that it has none."""
    expected = {*EXTENSIONS, "ttl_s"} if toxiproxy_server.embedded else set()
    assert await client.extensions() == expected


async def test_a_fault_that_the_server_cannot_make_is_left_out_with_the_reason(
    client: ToxiproxyClient, toxiproxy_server: Any
) -> None:
    slow = Toxic(type="latency", links=("orders_to_postgres",), attributes={"latency": 100})
    refuse = Toxic(type="refuse", links=("orders_to_postgres",), extension=True)
    faults, lacking = await possible((slow, refuse), client)
    if toxiproxy_server.embedded:
        assert (faults, lacking) == ((slow, refuse), ())
    else:
        assert faults == (slow,)
        [lack] = lacking
        assert "does not know refuse" in lack.detail
        assert lack.remedy == "run it with LAB_TOXIPROXY=embedded"


async def test_the_original_refuses_the_types(http: httpx.AsyncClient, echo_line: Any, toxiproxy_server: Any) -> None:
    for kind in EXTENSIONS:
        answer = await http.post(f"/proxies/{echo_line.name}/toxics", json={"type": kind})
        assert answer.status_code == (200 if toxiproxy_server.embedded else 400)
        await http.post("/reset")


@pytest.mark.usefixtures("embedded")
async def test_refuse_keeps_new_connections_out_and_spares_open_ones(http: httpx.AsyncClient, echo_line: Any) -> None:
    reader, writer = await echo_line.connect()
    writer.write(b"a")
    assert await reader.read(1) == b"a"
    await http.post("/proxies/echo/toxics", json={"type": "refuse", "name": "shut"})
    with pytest.raises(ConnectionRefusedError):
        await echo_line.connect()
    writer.write(b"b")
    assert await reader.read(1) == b"b"
    assert (await http.get("/proxies/echo")).json()["enabled"]
    assert (await http.delete("/proxies/echo/toxics/shut")).status_code == 204
    assert await reply(echo_line) == b"x"


@pytest.mark.usefixtures("embedded")
@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse where the queue is full")
async def test_connect_hang_lets_a_connect_time_out(http: httpx.AsyncClient, echo_line: Any) -> None:
    reader, writer = await echo_line.connect()
    await http.post("/proxies/echo/toxics", json={"type": "connect_hang", "name": "hang"})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await echo_line.connect()
    writer.write(b"b")
    assert await reader.read(1) == b"b"
    waiting = asyncio.create_task(reply(echo_line))
    await asyncio.sleep(0.1)
    await http.delete("/proxies/echo/toxics/hang")
    assert await waiting == b"x"
    assert await reply(echo_line) == b"x"


@pytest.mark.usefixtures("embedded")
@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse where the queue is full")
async def test_what_fills_the_queue_never_reaches_the_upstream(
    http: httpx.AsyncClient, upstream: Any, line: Any
) -> None:
    met: list[object] = []

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(writer)
        writer.write(await reader.read(1))

    counted = await line("counted", await upstream(count))
    await http.post("/proxies/counted/toxics", json={"type": "connect_hang"})
    await http.post("/reset")
    assert await reply(counted) == b"x"
    assert len(met) == 1


@pytest.mark.usefixtures("embedded")
async def test_connect_delay_holds_new_connections(http: httpx.AsyncClient, echo_line: Any) -> None:
    await http.post("/proxies/echo/toxics", json={"type": "connect_delay", "attributes": {"delay": 300}})
    began_s = time.monotonic()  # noqa: TID251 - real time is what the toxic is about
    reader, writer = await echo_line.connect()
    writer.write(b"a")
    assert await reader.read(1) == b"a"
    assert time.monotonic() - began_s >= 0.3  # noqa: TID251


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize("stop", ["delete", "disable"])
async def test_a_door_that_refuses_can_be_taken_away(http: httpx.AsyncClient, echo_line: Any, stop: str) -> None:
    """Deleted or disabled under `refuse`, a proxy gives its port back; enabled again, it still refuses."""
    await http.post("/proxies/echo/toxics", json={"type": "refuse"})
    if stop == "delete":
        assert (await http.delete("/proxies/echo")).status_code == 204
        listen = f"{echo_line.host}:{echo_line.port}"
        again = await http.post("/proxies", json={"name": "again", "listen": listen, "upstream": "127.0.0.1:1"})
        assert again.status_code == 201
        return
    await http.patch("/proxies/echo", json={"enabled": False})
    await http.patch("/proxies/echo", json={"enabled": True})
    with pytest.raises(ConnectionRefusedError):
        await echo_line.connect()
    await http.post("/reset")
    assert await reply(echo_line) == b"x"


@pytest.mark.usefixtures("embedded")
async def test_a_ttl_takes_the_toxic_out(http: httpx.AsyncClient, echo_line: Any) -> None:
    """It is shown where it is set, and a toxic that keeps new connections out lets them in again."""
    added = await http.post("/proxies/echo/toxics", json={"type": "refuse", "ttl_s": 0.2})
    assert added.json()["ttl_s"] == 0.2
    await until(lambda: clean(http))
    assert await reply(echo_line) == b"x"


@pytest.mark.usefixtures("embedded")
async def test_a_ttl_can_be_renewed_and_lifted(http: httpx.AsyncClient, echo_line: Any) -> None:
    toxic = {"type": "latency", "name": "slow", "attributes": {"latency": 5}, "ttl_s": 0.3}
    await http.post(f"/proxies/{echo_line.name}/toxics", json=toxic)
    lifted = await http.patch("/proxies/echo/toxics/slow", json={"ttl_s": 0})
    assert "ttl_s" not in lifted.json()
    await asyncio.sleep(0.5)
    assert not await clean(http)
    await http.patch("/proxies/echo/toxics/slow", json={"ttl_s": 0.1})
    await until(lambda: clean(http))


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize("ttl_s", [-1, 1e9, "5"])
async def test_a_ttl_without_sense_is_refused(http: httpx.AsyncClient, echo_line: Any, ttl_s: object) -> None:
    answer = await http.post(f"/proxies/{echo_line.name}/toxics", json={"type": "noop", "ttl_s": ttl_s})
    assert answer.status_code == 400
    assert "ttl_s" in answer.json()["error"]


@pytest.mark.usefixtures("embedded")
async def test_a_proxy_that_is_disabled_for_a_time_comes_back(http: httpx.AsyncClient, echo_line: Any) -> None:
    await http.patch("/proxies/echo", json={"enabled": False, "ttl_s": 0.2})
    assert not await clean(http)
    await until(lambda: clean(http))
    assert await reply(echo_line) == b"x"


_LAB = """
import asyncio, sys
from chaos.faults import applied
from chaos.scenario import Down, Toxic
from chaos.toxiproxy.client import ToxiproxyClient
from resilience.clock import SystemClock

async def main() -> None:
    client = ToxiproxyClient(sys.argv[1], timeout_s=5)
    fault = (Down if sys.argv[2] == "down" else Toxic).model_validate(
        {"type": sys.argv[2], "links": ["orders_to_bank"]})
    async with applied(fault, ("one",), client, SystemClock(), ttl_s=1.0):
        print("in force", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize("fault", ["timeout", "down"])
async def test_a_lab_that_is_killed_leaves_nothing_behind(
    http: httpx.AsyncClient, toxiproxy_server: Any, fault: str
) -> None:
    """SIGKILL while a fault is in force: within the ttl the link is as it was."""
    await http.post("/proxies", json={"name": "one.orders_to_bank", "listen": "127.0.0.1:0", "upstream": "x:1"})
    lab = subprocess.Popen(  # noqa: ASYNC220 - it is killed at once
        [sys.executable, "-c", _LAB, toxiproxy_server.url, fault], stdout=subprocess.PIPE
    )
    try:
        assert lab.stdout is not None
        assert await asyncio.to_thread(lab.stdout.readline) == b"in force\n"
        lab.send_signal(signal.SIGKILL)
        hurt = (await http.get("/proxies/one.orders_to_bank")).json()
        assert hurt["toxics"] or not hurt["enabled"]

        async def healed() -> bool:
            proxy = (await http.get("/proxies/one.orders_to_bank")).json()
            return bool(proxy["enabled"]) and not proxy["toxics"]

        await until(healed)
    finally:
        lab.kill()
        lab.wait(BOUND_S)
        if lab.stdout is not None:
            lab.stdout.close()
