"""A fault is in force inside its block and gone after it, however the block is left."""

import asyncio
import contextlib
import re
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from chaos.errors import HealFailed, ToxiproxyError
from chaos.faults import applied, assert_clean
from chaos.scenario import Down, LinkFault, Toxic
from chaos.toxiproxy.client import ToxiproxyClient
from resilience.clock import SystemClock

pytestmark = pytest.mark.integration

CLOCK = SystemClock()
ARMS = ("naive", "protected", "third")
SLOW = Toxic(type="latency", links=("orders_to_postgres", "inventory_to_postgres"), attributes={"latency": 100})
DOWN = Down(type="down", links=("payments_to_bank",))
FAULTS = pytest.mark.parametrize("fault", [SLOW, DOWN], ids=["toxic", "down"])


async def create_links(url: str, arms: tuple[str, ...] = ARMS) -> None:
    links = (*SLOW.links, *DOWN.links)
    wanted = [
        {"name": f"{arm}.{link}", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"} for arm in arms for link in links
    ]
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        assert (await http.post("/populate", json=wanted)).status_code == 201


@pytest.fixture
async def links(toxiproxy_server: Any) -> None:
    await create_links(toxiproxy_server.url)


async def under(client: ToxiproxyClient) -> set[str]:
    """Return the names of the proxies that carry a toxic or are disabled."""
    return {name for name, proxy in (await client.proxies()).items() if proxy.toxics or not proxy.enabled}


def targets(fault: LinkFault) -> set[str]:
    return {f"{arm}.{link}" for arm in ARMS for link in fault.links}


@FAULTS
async def test_in_force_inside_and_gone_after(client: ToxiproxyClient, links: None, fault: LinkFault) -> None:
    """Inside the block every arm's links carry the fault and no others; after it none does."""
    before_s = CLOCK.now()
    async with applied(fault, ARMS, client, CLOCK) as in_force:
        assert await under(client) == targets(fault)
        assert before_s <= in_force.from_s <= CLOCK.now()
        assert in_force.to_s is None
        with pytest.raises(HealFailed, match=r"naive\.\w+ (is disabled|has the toxic latency_downstream_latency100)"):
            await assert_clean(client)
    await assert_clean(client)
    assert in_force.to_s is not None
    assert in_force.healed_s is not None
    assert in_force.from_s <= in_force.to_s <= in_force.healed_s


async def test_two_faults_on_one_link(client: ToxiproxyClient, links: None) -> None:
    """Faults overlap; each heals what it applied."""
    more = SLOW.model_copy(update={"attributes": {"latency": 50}})
    async with applied(SLOW, ARMS, client, CLOCK):
        async with applied(more, ARMS, client, CLOCK):
            counts = {len(proxy.toxics) for proxy in (await client.proxies()).values()}
            assert counts == {0, 2}
        assert await under(client) == targets(SLOW)
    await assert_clean(client)


@FAULTS
async def test_healed_when_the_block_raises(client: ToxiproxyClient, links: None, fault: LinkFault) -> None:
    """An error of the block passes through a heal."""
    with pytest.raises(ZeroDivisionError):
        async with applied(fault, ARMS, client, CLOCK):
            raise ZeroDivisionError
    await assert_clean(client)


@FAULTS
async def test_healed_when_cancelled_inside(client: ToxiproxyClient, links: None, fault: LinkFault) -> None:
    """A task that is cancelled, again and again, still heals before it ends as cancelled."""
    entered = asyncio.Event()

    async def run() -> None:
        async with applied(fault, ARMS, client, CLOCK):
            entered.set()
            await asyncio.sleep(3_600)

    task = asyncio.create_task(run())
    async with asyncio.timeout(20):
        await entered.wait()
        while not task.done():
            task.cancel()
            await asyncio.sleep(0.001)
    assert task.cancelled()
    await assert_clean(client)


@FAULTS
async def test_healed_when_cancelled_at_any_moment(client: ToxiproxyClient, links: None, fault: LinkFault) -> None:
    """Wherever a cancellation falls - before, while applying, inside, while healing - nothing stays."""

    async def run() -> None:
        async with applied(fault, ARMS, client, CLOCK):
            await asyncio.sleep(0.01)

    for delay_ms in range(0, 60, 3):
        task = asyncio.create_task(run())
        await asyncio.sleep(delay_ms / 1_000)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            async with asyncio.timeout(20):
                await task
        await client.settled()
        await assert_clean(client)


@FAULTS
def test_healed_when_the_loop_is_torn_down(toxiproxy_server: Any, fault: LinkFault) -> None:
    """A program that ends while the fault is in force heals: asyncio then cancels every task, the healing ones too."""

    async def run(entered: asyncio.Event) -> None:
        client = ToxiproxyClient(toxiproxy_server.url, timeout_s=10)
        async with applied(fault, ARMS, client, CLOCK):
            entered.set()
            await asyncio.sleep(3_600)

    async def program() -> None:
        await create_links(toxiproxy_server.url)
        entered = asyncio.Event()
        background = asyncio.create_task(run(entered))
        async with asyncio.timeout(20):
            await entered.wait()
        background.cancel()
        # The heal has begun; the program ends in the middle of it.
        await asyncio.sleep(0.001)

    async def check() -> None:
        async with ToxiproxyClient(toxiproxy_server.url, timeout_s=10) as client:
            assert len(await client.proxies()) == 9
            await assert_clean(client)

    asyncio.run(program())
    asyncio.run(check())


class Abandoned(ToxiproxyClient):
    """A client whose callers are cancelled as soon as their requests are on the way."""

    async def add_toxic(self, proxy: str, **toxic: Any) -> None:
        call = asyncio.create_task(super().add_toxic(proxy, **toxic))
        await asyncio.sleep(0.05)
        call.cancel()
        await call


async def test_a_request_that_arrives_late_is_healed_too(
    client: ToxiproxyClient, toxiproxy_server: Any, links: None, upstream: Any
) -> None:
    """The heal waits for requests whose callers are gone: none of them puts a toxic in after it."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", request)
        request += await reader.readexactly(int(length[1]) if length else 0)
        if request.startswith(b"POST") and b"/toxics" in request:
            await asyncio.sleep(0.5)
        server, to_server = await asyncio.open_connection("127.0.0.1", toxiproxy_server.port)
        to_server.write(request.replace(b"Connection: keep-alive", b"Connection: close"))
        writer.write(await server.read(-1))
        to_server.transport.abort()

    async with Abandoned(f"http://{await upstream(relay)}", timeout_s=10) as abandoned:
        with pytest.raises(asyncio.CancelledError):
            async with applied(SLOW, ("naive",), abandoned, CLOCK):
                pytest.fail("the block must not run")
        await abandoned.settled()
    await assert_clean(client)


@FAULTS
async def test_a_missing_proxy_is_refused_before_anything_is_touched(
    client: ToxiproxyClient, links: None, fault: LinkFault
) -> None:
    """A fault that cannot reach every arm reaches none."""
    with pytest.raises(ToxiproxyError, match=r"there is no proxy fourth\."):
        async with applied(fault, (*ARMS, "fourth"), client, CLOCK):
            pytest.fail("the block must not run")
    await assert_clean(client)


async def test_a_fault_that_one_arm_refuses_is_healed_on_the_others(client: ToxiproxyClient, links: None) -> None:
    """When one proxy refuses the toxic, the others are freed of it and the error says why."""
    wrong = Toxic(type="bandwidth", links=SLOW.links, attributes={"latency": 100, "rate": 10**30})
    with pytest.raises(ToxiproxyError, match="cannot unmarshal number"):
        async with applied(wrong, ARMS, client, CLOCK):
            pytest.fail("the block must not run")
    await assert_clean(client)


class Half(ToxiproxyClient):
    """A client whose server loses one proxy between the look and the deed."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        super().__init__(url, timeout_s=10)
        self._http = http

    async def add_toxic(self, proxy: str, **toxic: Any) -> None:
        if proxy == "protected.orders_to_postgres":
            body = {"name": toxic["name"], "type": "noop"}
            await self._http.post(f"/proxies/{proxy}/toxics", json=body)
        await super().add_toxic(proxy, **toxic)


async def test_a_fault_applied_in_part_is_healed(toxiproxy_server: Any, http: httpx.AsyncClient, links: None) -> None:
    """A conflict on one arm while the others have the toxic already: all are freed of it, the error comes out."""
    async with Half(toxiproxy_server.url, http) as client:
        with pytest.raises(ToxiproxyError, match="toxic already exists"):
            async with applied(SLOW, ARMS, client, CLOCK):
                pytest.fail("the block must not run")
        await assert_clean(client)


@FAULTS
async def test_the_same_fault_twice_is_refused(client: ToxiproxyClient, links: None, fault: LinkFault) -> None:
    """A fault that is in force already is refused, and the first one is left alone."""
    async with applied(fault, ARMS, client, CLOCK):
        with pytest.raises(ToxiproxyError, match="in force already"):
            async with applied(fault, ARMS, client, CLOCK):
                pytest.fail("the block must not run")
        assert await under(client) == targets(fault)
    await assert_clean(client)


@FAULTS
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["dead", "hanging"])
async def test_a_server_that_is_gone_fails_the_heal_in_time(
    own_server: Any, fault: LinkFault, how: signal.Signals
) -> None:
    """A server that died, or hangs, means HealFailed within a few bounds, also when the task is cancelled."""
    await create_links(own_server.url)
    async with ToxiproxyClient(own_server.url, timeout_s=0.5) as client:
        with pytest.raises(HealFailed, match=r"was not healed.*a reset failed too"):
            async with asyncio.timeout(30), applied(fault, ARMS, client, CLOCK):
                own_server.process.send_signal(how)
        with pytest.raises(ToxiproxyError):
            await assert_clean(client)
    own_server.process.send_signal(signal.SIGCONT)


async def test_a_link_that_disappears_fails_the_heal(
    client: ToxiproxyClient, http: httpx.AsyncClient, links: None
) -> None:
    """A proxy that was deleted under the fault is not taken for healed."""
    with pytest.raises(HealFailed, match=r"naive\.orders_to_postgres"):
        async with applied(SLOW, ARMS, client, CLOCK):
            await http.delete("/proxies/naive.orders_to_postgres")
    await assert_clean(client)


class Stubborn(ToxiproxyClient):
    """A client whose server says yes and keeps the toxic."""

    async def remove_toxic(self, proxy: str, name: str) -> None:
        """Do nothing."""


async def test_a_heal_is_believed_only_when_read_back(toxiproxy_server: Any, links: None) -> None:
    """A toxic that stays although its removal was confirmed is found; a reset takes it out, and the run still fails."""
    async with Stubborn(toxiproxy_server.url, timeout_s=10) as client:
        with pytest.raises(HealFailed, match=r"still in force on.*a reset of the whole proxy took it out"):
            async with applied(SLOW, ARMS, client, CLOCK):
                pass
        await assert_clean(client)


async def test_the_victim_feels_it(
    client: ToxiproxyClient, upstream: Any, line: Callable[[str, str], Awaitable[Any]]
) -> None:
    """From the moment the block is entered an open connection is slow, and free again after it."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)

    proxy = await line("naive.a_to_b", await upstream(echo))
    reader, writer = await proxy.connect()

    async def exchange_s() -> float:
        start_s = CLOCK.now()
        writer.write(b"x")
        await reader.readexactly(1)
        return CLOCK.now() - start_s

    fault = Toxic(type="latency", links=("a_to_b",), attributes={"latency": 400})
    assert await exchange_s() < 0.4
    async with applied(fault, ("naive",), client, CLOCK):
        assert await exchange_s() >= 0.4
    assert await exchange_s() < 0.4
