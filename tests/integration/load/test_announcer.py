"""What the lab announces, as the real relay shows it; and a relay that is not there."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import aiohttp
import pytest

from chaos.lab_metrics import FAULT_ACTIVE, PHASE
from chaos.recording.announcer import announcing
from tests.ports import free_port, wait_until_listening
from tests.unit.chaos.builders import scenario

pytestmark = pytest.mark.integration


@pytest.fixture
def relay() -> Iterator[str]:
    """Yield the URL of a relay in a process of its own."""
    port = free_port()
    words = ["--factory", "services.relay.app:main", "--port", str(port), "--log-level", "warning", "--no-access-log"]
    process = subprocess.Popen([sys.executable, "-m", "uvicorn", *words], stdout=subprocess.DEVNULL)
    try:
        wait_until_listening(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


async def shown(http: aiohttp.ClientSession, url: str, line: str) -> None:
    """Wait until the relay shows a line that begins and ends so."""
    before, after = line.split("...")
    async with asyncio.timeout(20):
        while True:
            async with http.get(f"{url}/metrics") as answer:
                lines = (await answer.text()).splitlines()
            if any(one.startswith(before) and one.endswith(after) for one in lines):
                return
            await asyncio.sleep(0.02)


async def test_the_relay_shows_what_the_lab_says(relay: str) -> None:
    """Phase and fault are there as the source `lab`, change when they change, and go when the run has ended."""
    notes: list[str] = []
    run = scenario()
    (fault,) = run.faults
    fault_line = f'{FAULT_ACTIVE}{{arm="protected",...target="orders_to_postgres",source="lab"}} '
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        async with announcing(relay, run, seed=7, engine="local", note=notes.append) as told:
            await shown(http, relay, fault_line + "0")
            told.phase("fault")
            told.in_force(fault)
            await shown(http, relay, fault_line + "1")
            await shown(http, relay, f'{PHASE}{{phase="fault",source="lab"...}} 1')
            told.healing(fault)
            await shown(http, relay, fault_line + "0")
        await gone(http, relay)

    assert not notes


async def gone(http: aiohttp.ClientSession, url: str) -> None:
    """Wait until the relay shows nothing."""
    async with asyncio.timeout(30):
        text = "not asked yet"
        while text:
            async with http.get(f"{url}/metrics") as answer:
                text = await answer.text()
            await asyncio.sleep(0.1)


async def test_a_relay_that_is_not_there_is_one_line() -> None:
    notes: list[str] = []

    async with announcing(
        f"http://127.0.0.1:{free_port()}", scenario(), seed=7, engine="local", note=notes.append
    ) as told:
        async with asyncio.timeout(20):
            while not notes:
                told.phase("settle")
                await asyncio.sleep(0.01)

    (note,) = notes
    assert "the relay does not take what the lab says" in note
