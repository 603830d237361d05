"""The recorder against real services that tell their metrics: what they said, and when they said nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from chaos.errors import RunFolderError
from chaos.recording import metrics_file
from chaos.recording.recorder import Recorder
from chaos.recording.scraper import BOUND_S
from resilience.clock import SystemClock
from services.common.metrics import DB_POOL_USED, HTTP_IN_FLIGHT
from tests.integration.load.gateway import gateway
from tests.integration.load.generator import eventually

pytestmark = pytest.mark.integration


@dataclass
class Service:
    """A service whose figures a test sets."""

    service: str
    arm: str | None
    url: str = ""
    in_flight: float = 0
    used: float = 0
    held: bool = False
    status: int = 200
    scraped: int = 0
    _gauges: dict[str, Gauge] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._registry = CollectorRegistry()
        for name in (HTTP_IN_FLIGHT, DB_POOL_USED):
            self._gauges[name] = Gauge(name, "text", ["service", "arm", "pool"], registry=self._registry)

    async def tell(self, request: web.Request) -> web.Response:
        """Answer /metrics."""
        assert request.path == "/metrics"
        self.scraped += 1
        if self.held:
            await asyncio.sleep(3600)
        self._gauges[HTTP_IN_FLIGHT].labels(self.service, self.arm or "", "main").set(self.in_flight)
        self._gauges[DB_POOL_USED].labels(self.service, self.arm or "", "main").set(self.used)
        return web.Response(body=generate_latest(self._registry), status=self.status)


@pytest.fixture
async def services() -> AsyncIterator[list[Service]]:
    """Return two running services of one arm and one that all arms share."""
    all_services = [Service("orders", "naive"), Service("bank", "naive"), Service("mail", None)]
    async with AsyncExitStack() as stack:
        for service in all_services:
            service.url = (await stack.enter_async_context(gateway(service.tell))).url
        yield all_services


@pytest.fixture
def recorder(services: list[Service], tmp_path: Path) -> Recorder:
    return Recorder(services, tmp_path / "metrics.jsonl.gz", clock=SystemClock())


def scraped(services: list[Service], times: int) -> Callable[[], bool]:
    return lambda: all(service.scraped >= times for service in services)


async def test_what_a_service_says_is_known_at_once_and_later(recorder: Recorder, services: list[Service]) -> None:
    orders = services[0]
    orders.used = 3
    clock = SystemClock()
    async with recorder:
        await eventually(lambda: recorder.latest("naive", "orders", DB_POOL_USED) == 3)
        recorder.start_of_time(clock.now())
        orders.used = 8
        await eventually(lambda: recorder.latest("naive", "orders", DB_POOL_USED) == 8)

    seen = recorder.series("naive", "orders", DB_POOL_USED)
    assert [value for t, value in seen if t < 0] == [3] * sum(t < 0 for t, _ in seen)
    assert seen[0][1] == 3
    assert seen[-1][1] == 8
    assert seen == sorted(seen)


async def test_labels_choose_and_an_unknown_metric_is_none(recorder: Recorder, services: list[Service]) -> None:
    async with recorder:
        await eventually(scraped(services, 2))

        assert recorder.latest("naive", "orders", DB_POOL_USED, pool="main") == 0
        assert recorder.latest("naive", "orders", DB_POOL_USED, pool="other") is None
        assert recorder.latest("naive", "orders", "breaker_state") is None
        assert recorder.latest("protected", "orders", DB_POOL_USED) is None
        assert recorder.latest("", "mail", DB_POOL_USED) == 0


async def test_a_service_that_does_not_answer_in_time_is_a_miss_and_holds_up_no_other(
    recorder: Recorder, services: list[Service], tmp_path: Path
) -> None:
    services[0].held = True
    async with recorder:
        recorder.start_of_time(SystemClock().now())
        await eventually(scraped(services, 4))
        latest = recorder.latest("naive", "orders", DB_POOL_USED)

    scrapes = list(metrics_file.read(tmp_path / "metrics.jsonl.gz"))
    missed = [scrape for scrape in scrapes if scrape.service == "orders"]
    assert len(missed) >= 3
    assert {(scrape.samples, scrape.error) for scrape in missed} == {(None, f"no answer within {BOUND_S:g} s")}
    assert latest is None
    assert sum(scrape.samples is not None for scrape in scrapes if scrape.service == "bank") >= 3


async def test_a_service_that_answers_with_an_error_is_a_miss(recorder: Recorder, services: list[Service]) -> None:
    services[0].status = 500
    async with recorder:
        await eventually(scraped(services, 2))

    assert recorder.series("naive", "orders", DB_POOL_USED) == []
    assert "naive orders: /metrics: 500" in recorder.busy()


async def test_the_file_holds_every_scrape_with_times_after_t0(
    recorder: Recorder, services: list[Service], tmp_path: Path
) -> None:
    path = tmp_path / "metrics.jsonl.gz"
    async with recorder:
        await eventually(scraped(services, 2))
        recorder.start_of_time(SystemClock().now())
        await eventually(scraped(services, 4))
        await eventually(lambda: path.exists() and any(scrape.t > 0 for scrape in metrics_file.read(path)))
        told = sum(service.scraped for service in services)

    scrapes = list(metrics_file.read(path))
    assert len(scrapes) >= told - len(services)
    assert {scrape.t < 0 for scrape in scrapes} == {True, False}
    assert {(scrape.arm, scrape.service) for scrape in scrapes} == {
        ("naive", "orders"),
        ("naive", "bank"),
        ("", "mail"),
    }
    assert all(scrape.samples and len(scrape.samples) == 2 for scrape in scrapes if scrape.samples is not None)


async def test_a_run_that_never_began_keeps_its_scrapes_with_times_before_its_end(
    recorder: Recorder, services: list[Service], tmp_path: Path
) -> None:
    async with recorder:
        await eventually(scraped(services, 2))

    times = [scrape.t for scrape in metrics_file.read(tmp_path / "metrics.jsonl.gz")]
    assert times
    assert max(times) < 0


async def test_a_file_that_cannot_be_written_is_the_run_folders_error(services: list[Service], tmp_path: Path) -> None:
    recorder = Recorder(services, tmp_path / "gone" / "metrics.jsonl.gz", clock=SystemClock())
    with pytest.raises(RunFolderError, match=r"metrics\.jsonl\.gz: cannot be written: No such file"):
        async with recorder:
            await eventually(scraped(services, 2))


async def test_at_rest_means_no_request_and_no_database_connection_anywhere(
    recorder: Recorder, services: list[Service]
) -> None:
    services[0].in_flight = 2
    services[1].used = 1
    async with recorder:
        await eventually(scraped(services, 2))
        busy = await recorder.wait_idle(0.7)
        assert busy == "naive orders: 2 requests in flight; naive bank: 1 database connections in use"
        assert not recorder.idle()

        waiting = asyncio.create_task(recorder.wait_idle(20))
        services[0].in_flight = services[1].used = 0

        assert await waiting == ""
        assert recorder.idle()


async def test_what_was_said_before_the_question_does_not_count_as_rest(
    recorder: Recorder, services: list[Service]
) -> None:
    async with recorder:
        await eventually(scraped(services, 2))
        assert recorder.idle()
        services[0].held = True
        # One answer may be under way.
        await eventually(scraped(services, services[0].scraped + 1))

        assert "naive orders: /metrics: " in await recorder.wait_idle(1)


async def test_a_relay_that_hangs_is_no_unrest(recorder: Recorder, services: list[Service]) -> None:
    """It carries pictures; a run does not depend on it."""
    services[2].held = True
    async with recorder:
        await eventually(scraped(services, 1))

        assert "mail: /metrics: " in await recorder.wait_idle(1)
    services[2].service = "relay"
    async with Recorder(services, recorder._path, clock=SystemClock()) as another:
        await eventually(scraped(services[:2], services[0].scraped + 2))

        assert await another.wait_idle(20) == ""


async def test_cancelling_the_lab_ends_every_scrape(recorder: Recorder, services: list[Service]) -> None:
    async def lab() -> None:
        async with recorder:
            await asyncio.sleep(3600)

    before = asyncio.all_tasks()
    task = asyncio.create_task(lab())
    await eventually(scraped(services, 1))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert {left.get_name() for left in asyncio.all_tasks() - before if left.get_name().startswith("scrape ")} == set()
