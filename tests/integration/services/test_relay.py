"""The relay as a process, as compose.yaml starts it: pushed to over a socket, read over a socket."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import aiohttp
import pytest

from tests.ports import free_port, wait_until_listening

pytestmark = pytest.mark.integration

PAGE = "# TYPE load_sent_total counter\n" + "".join(f'load_sent_total{{n="{n}"}} {n}\n' for n in range(2500))


@pytest.fixture
def relay() -> Iterator[str]:
    """Yield the URL of a relay in a process of its own."""
    port = free_port()
    words = ["--factory", "services.relay.app:main", "--port", str(port), "--log-level", "warning", "--no-access-log"]
    process = subprocess.Popen([sys.executable, "-m", "uvicorn", *words], stdout=subprocess.DEVNULL)
    try:
        wait_until_listening(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


async def test_a_page_is_pushed_read_and_forgotten(relay: str) -> None:
    """A page of 60 kB is there for the next reader, goes when its source says so, and by itself when it is silent."""
    assert len(PAGE) > 60_000
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        for name in ("run", "lab"):
            async with http.put(f"{relay}/sources/{name}", data=PAGE) as answer:
                assert answer.status == 204
        async with http.get(f"{relay}/metrics") as answer:
            text = await answer.text()
        assert text.count("# TYPE load_sent_total counter\n") == 1
        assert 'load_sent_total{n="2499",source="run"} 2499\n' in text
        async with http.delete(f"{relay}/sources/run") as answer:
            assert answer.status == 204
        async with asyncio.timeout(30):
            while 'source="lab"' in text:
                await asyncio.sleep(0.2)
                async with http.get(f"{relay}/metrics") as answer:
                    text = await answer.text()
                assert 'source="run"' not in text


async def test_a_source_that_breaks_off_in_the_middle_leaves_its_last_page(relay: str) -> None:
    """A load generator that is killed while it pushes takes nothing away and adds nothing."""
    host, _, port = relay.removeprefix("http://").partition(":")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        async with http.put(f"{relay}/sources/run", data="a 1\n") as answer:
            assert answer.status == 204
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"PUT /sources/run HTTP/1.1\r\nhost: x\r\ncontent-length: 900\r\n\r\na 2\n")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with http.get(f"{relay}/metrics") as answer:
            assert 'a{source="run"} 1\n' in await answer.text()
        async with http.get(f"{relay}/healthz") as answer:
            assert answer.status == 200
