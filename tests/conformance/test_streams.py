"""Toxics that destroy nothing may come, change and go in any order: a stream stays what it was, byte for byte."""

import asyncio
import random
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.servers import TLS, Server
from tests.conformance.wire import abort, echo, upstreams

BOUND_S = 60.0
SIZE = 120_000
CONNECTIONS = 3
ATTRIBUTES: dict[str, st.SearchStrategy[dict[str, int]]] = {
    "latency": st.fixed_dictionaries({"latency": st.integers(0, 25), "jitter": st.integers(0, 15)}),
    "bandwidth": st.fixed_dictionaries({"rate": st.integers(2_000, 50_000)}),
    "slicer": st.integers(200, 5_000).flatmap(
        lambda size: st.fixed_dictionaries(
            {"average_size": st.just(size), "size_variation": st.integers(0, size // 2), "delay": st.integers(0, 50)}
        )
    ),
    "slow_close": st.fixed_dictionaries({"delay": st.integers(0, 50)}),
    "noop": st.just({}),
}


def step(method: str) -> st.SearchStrategy[tuple[str, str, str, dict[str, int], float]]:
    """Return a strategy of (method, type, stream, attributes, toxicity)."""
    return st.sampled_from(sorted(ATTRIBUTES)).flatmap(
        lambda kind: st.tuples(
            st.just(method),
            st.just(kind),
            st.sampled_from(["upstream", "downstream"]),
            ATTRIBUTES[kind],
            st.sampled_from([1.0, 0.5, 0.0]),
        )
    )


STEPS = st.lists(st.one_of(step("POST"), step("POST"), step("PATCH"), step("DELETE")), min_size=2, max_size=10)


async def transfer(port: int, seed: int) -> None:
    """Send random chunks through an echo and compare what comes back."""
    rng = random.Random(seed)  # noqa: S311 - data, no secret
    data = rng.randbytes(SIZE)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def send() -> None:
        at = 0
        while at < SIZE:
            size = rng.choice((1, 100, 4_000, 40_000))
            writer.write(data[at : at + size])
            at += size
            await writer.drain()
            await asyncio.sleep(0.001)

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(BOUND_S):
            received = await reader.readexactly(SIZE)
            await sending
        assert received == data
    finally:
        sending.cancel()
        await abort([writer])


async def churn(url: str, steps: list[Any], seed: int) -> None:
    """Run the steps on a proxy while several transfers go through it."""
    async with upstreams() as serve, httpx.AsyncClient(base_url=url, trust_env=False, verify=TLS, timeout=30) as http:
        body = {"name": "stream", "listen": "127.0.0.1:0", "upstream": await serve(echo)}
        port = int((await http.post("/proxies", json=body)).json()["listen"].rpartition(":")[2])
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(CONNECTIONS):
                    group.create_task(transfer(port, seed + number))
                for method, kind, stream, attributes, toxicity in steps:
                    path = "/proxies/stream/toxics" + ("" if method == "POST" else f"/{kind}_{stream}")
                    wanted = {"type": kind, "stream": stream, "attributes": attributes, "toxicity": toxicity}
                    answer = await http.request(method, path, json=None if method == "DELETE" else wanted)
                    assert answer.status_code in {200, 204, 404, 409}, answer.text
                    await asyncio.sleep(0.004)
        finally:
            await http.delete("/proxies/stream")


@settings(max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, seed=st.integers(0, 2**32))
def test_streams_are_byte_identical(shared_server: Server, steps: list[Any], seed: int) -> None:
    """Both directions, in chunks, three connections at once, under any sequence of adds, updates and removals."""
    asyncio.run(churn(shared_server.url, steps, seed))
