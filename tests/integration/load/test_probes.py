"""Probes of links to a real Postgres, a real Valkey and a real HTTP server: a fault shows, and only where it is."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from chaos.engines.links import Link
from chaos.recording.probes import BOUND_S, PERIOD_S, Probes
from chaos.records import Probe
from resilience.clock import SystemClock
from tests.integration.load.forwarder import Forwarder, forwarder
from tests.integration.load.gateway import gateway, prompt
from tests.integration.load.generator import eventually

pytestmark = pytest.mark.integration

LINKS = ("orders_to_postgres", "inventory_to_redis", "gateway_to_orders")


@dataclass
class Ways:
    """A forwarder for each link, and the probes that go through them."""

    forwarders: dict[str, Forwarder]
    probes: Probes

    def of(self, link: str) -> list[Probe]:
        return [probe for probe in self.probes.recorded if probe.link == link]

    async def more(self, link: str, count: int) -> list[Probe]:
        """Wait for `count` more probes of a link and return them."""
        before = len(self.of(link))
        await eventually(lambda: len(self.of(link)) >= before + count)
        return self.of(link)[before:]


@pytest.fixture
async def ways(postgres: int, valkey: int) -> AsyncIterator[Ways]:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(gateway(prompt))
        http = urlsplit(served.url).port or 0
        forwarders = {
            link: await stack.enter_async_context(forwarder("127.0.0.1", port))
            for link, port in zip(LINKS, (postgres, valkey, http), strict=True)
        }
        links = [
            Link("naive", name, way.listen, "", f"postgresql://shop@{way.listen}/postgres")
            for name, way in forwarders.items()
        ]
        probes = await stack.enter_async_context(Probes(dict.fromkeys(links, PERIOD_S), clock=clock, t0=clock.now()))
        yield Ways(forwarders, probes)


def errors(probes: Sequence[Probe]) -> set[str]:
    return {probe.error for probe in probes}


@pytest.mark.parametrize("link", LINKS)
async def test_a_healthy_link_is_seen_healthy_on_one_connection(ways: Ways, link: str) -> None:
    seen = await ways.more(link, 6)

    assert errors(seen) == {""}
    assert all(probe.ms is not None and probe.ms < 1_000 for probe in seen)
    assert {probe.arm for probe in seen} == {"naive"}
    assert ways.forwarders[link].accepted == 1


async def test_probes_of_a_link_come_at_the_period(ways: Ways) -> None:
    seen = await ways.more(LINKS[0], 9)

    # A busy machine may leave one out; none is made up for.
    assert seen[-1].t_s - seen[0].t_s >= 8 * PERIOD_S * 0.9
    assert all(later.t_s > earlier.t_s for earlier, later in pairwise(seen))


async def test_latency_on_a_link_is_seen_at_that_link_alone(ways: Ways) -> None:
    link, *others = LINKS
    await ways.more(link, 2)
    ways.forwarders[link].delay_s = 0.4
    await ways.more(link, 1)
    slow = await ways.more(link, 3)
    beside = [probe for other in others for probe in await ways.more(other, 3)]

    assert all(probe.ms is not None and probe.ms >= 400 for probe in slow)
    # A busy machine may hold one up.
    assert sum(probe.ms is not None and probe.ms < 200 for probe in beside) >= len(beside) - 1


async def test_a_slow_link_is_asked_less_often_and_never_twice_at_once(ways: Ways) -> None:
    link = LINKS[1]
    ways.forwarders[link].delay_s = 0.6
    seen = await ways.more(link, 4)

    for earlier, later in pairwise(seen[1:]):
        assert earlier.ms is not None
        assert later.t_s >= earlier.t_s + earlier.ms / 1000


@pytest.mark.parametrize("link", LINKS)
async def test_a_closed_link_is_seen_and_so_is_its_return(ways: Ways, link: str) -> None:
    await ways.more(link, 2)
    await ways.forwarders[link].close()
    await ways.more(link, 1)
    closed = await ways.more(link, 2)
    await ways.forwarders[link].open()
    await ways.more(link, 1)
    back = await ways.more(link, 2)

    assert {probe.ms for probe in closed} == {None}
    assert all(error.startswith("connect: ") and "onnect" in error[9:] for error in errors(closed))
    assert errors(back) == {""}


async def test_a_mute_link_is_given_up_after_the_bound(ways: Ways) -> None:
    for link in LINKS:
        await ways.more(link, 1)
        ways.forwarders[link].mute = True
    await eventually(lambda: all(ways.of(link)[-1].ms is None for link in LINKS))
    given_up = [ways.of(link)[-1] for link in LINKS]
    for link in LINKS:
        ways.forwarders[link].mute = False
    await eventually(lambda: all(ways.of(link)[-1].ms is not None for link in LINKS))

    assert errors(given_up) == {f"exchange: nothing within {BOUND_S:g} s"}


@pytest.mark.parametrize("link", LINKS)
async def test_what_a_connect_takes_is_not_taken_for_an_exchange(ways: Ways, link: str) -> None:
    """Postgres needs a round trip before the first query: that is not what the probe says of the link."""
    await ways.more(link, 1)
    await ways.forwarders[link].close()
    ways.forwarders[link].delay_s = 1.0
    before = len(ways.of(link))
    await ways.forwarders[link].open()
    await eventually(lambda: any(probe.ms for probe in ways.of(link)[before:]))
    first = next(probe.ms for probe in ways.of(link)[before:] if probe.ms)

    assert 1_000 <= first < 1_900


async def test_a_link_with_a_bound_of_its_own_is_given_up_after_that(valkey: int) -> None:
    """A door whose process stands still is asked often enough to count in a fault phase of some seconds."""
    clock = SystemClock()
    async with forwarder("127.0.0.1", valkey) as way:
        way.mute = True
        link = Link("naive", LINKS[1], way.listen, "")
        bounds_s = {LINKS[1]: 0.2}
        async with Probes({link: PERIOD_S}, clock=clock, t0=clock.now(), bounds_s=bounds_s) as probes:
            await eventually(lambda: len(probes.recorded) >= 2)

    assert errors(probes.recorded) == {"exchange: nothing within 0.2 s"}


async def test_a_service_that_is_not_well_is_an_error() -> None:
    clock = SystemClock()
    async with gateway(prompt) as served:
        served.health_status = 500
        link = Link("naive", "gateway_to_orders", served.url.removeprefix("http://"), "")
        async with Probes({link: PERIOD_S}, clock=clock, t0=clock.now()) as probes:
            await eventually(lambda: len(probes.recorded) >= 2)

    assert errors(probes.recorded) == {"exchange: /healthz: status 500"}


async def test_leaving_the_block_ends_every_probe_and_its_connection(valkey: int) -> None:
    clock = SystemClock()
    before = asyncio.all_tasks()
    async with forwarder("127.0.0.1", valkey) as way:
        way.mute = True
        async with Probes({Link("naive", LINKS[1], way.listen, ""): PERIOD_S}, clock=clock, t0=clock.now()) as probes:
            await eventually(lambda: way.accepted == 1)
            left_at = len(asyncio.all_tasks())
        assert len(asyncio.all_tasks()) < left_at
    assert probes.recorded == []
    assert {task for task in asyncio.all_tasks() if "probe" in task.get_name()} - before == set()
