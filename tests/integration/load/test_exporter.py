"""A run's generator tells the relay what it does, and is never held up by it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from chaos.recording.load import LoadPlan, LoadProcess
from chaos.records import Request, read_requests
from chaos.scenario import Load
from tests.integration.load.gateway import busy, gateway, mute, prompt
from tests.integration.load.generator import MARK, ROOT, SEED, eventually, soon
from tests.ports import free_port
from tests.unit.load.test_load_metrics import read

pytestmark = pytest.mark.integration

LOAD = Load(checkout_per_s=20, browse_per_s=60, repeat_share=0, in_time_s=0.3, patience_s=1, max_in_flight=20)
DURATION_S = 2.0


@asynccontextmanager
async def relay() -> AsyncIterator[str]:
    """Run the lab's relay and yield its URL."""
    port = free_port()
    words = ("uvicorn", "--factory", "services.relay.app:main", "--host", "127.0.0.1", "--port", str(port))
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *words, cwd=ROOT, stdin=quiet, stdout=quiet, stderr=quiet
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(30):
            while True:
                try:
                    async with session.get(f"{url}/readyz"):
                        break
                except aiohttp.ClientError:
                    assert process.returncode is None
                    await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def one_run(
    folder: Path, relay_url: str | None, during: Callable[[], Awaitable[None]] | None = None
) -> list[Request]:
    """Send to three gateways, wait for `during` in the middle, and return the rows."""
    async with gateway(prompt) as first, gateway(busy) as second, gateway(mute) as third:
        arms = {"prompt": first.url, "busy": second.url, "mute": third.url}
        plan = LoadPlan(seed=SEED, arms=arms, load=LOAD, duration_s=DURATION_S, relay=relay_url)
        async with LoadProcess(plan, root=ROOT, folder=folder, log=folder / "locust.log", mark=MARK) as process:
            await process.ready()
            process.go(soon())
            if during is not None:
                await eventually(lambda: len(process.tail.read()) > 50)
                await during()
            await process.wait_done(20)
    return read_requests(folder / "requests.csv")


def notes(folder: Path) -> list[str]:
    return [line for line in (folder / "locust.log").read_text().splitlines() if line.startswith("loadtests: note:")]


async def test_the_relay_has_every_series_while_it_sends_and_in_the_end_what_the_rows_say(tmp_path: Path) -> None:
    pages: list[str] = []

    async with relay() as url, aiohttp.ClientSession() as session:

        async def look() -> None:
            async with session.get(f"{url}/metrics") as answer:
                pages.append(await answer.text())

        rows = await one_run(tmp_path, url, look)
        await look()
    while_it_sent, text = pages
    # Every series is there from the start.
    assert len(read(while_it_sent)["load_offered_total"]) == 6
    assert sum(read(while_it_sent)["load_offered_total"].values()) < len(rows)
    assert notes(tmp_path) == []
    assert 'source="run"' in text
    samples = read(text)
    assert {row.outcome for row in rows} == {"answered", "refused", "gave_up", "skipped"}
    for arm in ("prompt", "busy", "mute"):
        for kind in ("checkout", "browse"):
            these = [row for row in rows if (row.arm, row.kind) == (arm, kind)]
            sent = [row for row in these if row.outcome != "skipped"]
            key = (arm, kind, "run")
            assert samples["load_offered_total"][key] == len(these) > 15
            assert samples["load_sent_total"][key] == len(sent)
            assert samples["load_skipped_total"][key] == len(these) - len(sent)
            # requests.csv has microseconds.
            assert abs(samples["load_late_total"][key] - sum(row.lag_ms > 10 for row in sent)) <= 1
            in_time = [row for row in sent if row.outcome == "answered" and row.latency_ms <= 300]
            assert abs(samples["load_in_time_total"][key] - len(in_time)) <= 1
            assert samples["load_latency_seconds_count"][key] == len(sent)
            total_s = sum(row.latency_ms for row in sent) / 1000
            assert samples["load_latency_seconds_sum"][key] == pytest.approx(total_s, abs=0.01)
            for outcome in ("answered", "refused", "failed", "gave_up"):
                ended = sum(row.outcome == outcome for row in sent)
                assert samples["load_requests_total"][arm, kind, outcome, "run"] == ended
        assert samples["load_in_flight"][arm, "run"] == 0


async def hang(_: web.Request) -> web.Response:
    await asyncio.sleep(3600)
    raise AssertionError("unreachable")


async def break_down(_: web.Request) -> web.Response:
    return web.Response(status=500)


@pytest.mark.parametrize(("answer", "why"), [(None, "refused"), (hang, "no answer"), (break_down, "status 500")])
async def test_a_relay_that_does_not_take_it_costs_one_note_and_no_arrival(
    tmp_path: Path, answer: object, why: str
) -> None:
    if answer is None:
        rows = await one_run(tmp_path, f"http://127.0.0.1:{free_port()}")
    else:
        async with gateway(answer) as broken:  # type: ignore[arg-type]  # one of the two above
            rows = await one_run(tmp_path, broken.url)
            assert len(broken.asked) >= 2

    (note,) = notes(tmp_path)
    assert why in note
    assert "goes on" in note
    prompt_rows = [row for row in rows if row.arm == "prompt"]
    assert {row.outcome for row in prompt_rows} == {"answered"}
    assert len(rows) == 3 * len(prompt_rows)


async def test_without_a_relay_nothing_is_told(tmp_path: Path) -> None:
    rows = await one_run(tmp_path, None)

    assert notes(tmp_path) == []
    assert "relay" not in json.loads((tmp_path / "load.json").read_text())
    assert rows
