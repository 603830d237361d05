"""What a process says of itself: its event loop, its threads, its requests with one of each bucket to look up."""

import asyncio
import io
import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from resilience.metrics_histogram import DurationHistogram
from services.common.base import build_app
from services.common.kit import make_kit
from services.common.lag import LAG_BUCKETS_S, LagProbe
from services.common.logs import WRITTEN_WITHIN_S, JsonLog
from services.common.metrics import (
    EVENT_LOOP_LAG_MAX,
    HTTP_DURATION,
    THREAD_TOKENS,
    THREAD_TOKENS_USED,
    THREAD_TOKENS_WAITING,
)

LABELS = {"service": "gateway", "arm": "test-arm"}
OPEN_METRICS = {"accept": "application/openmetrics-text;version=1.0.0"}


def counted_above(probe: LagProbe, bound_s: float) -> float:
    """Return how many lags were longer than a bound of the histogram."""
    counts = probe._lags.cumulated()
    return counts[-1] - counts[LAG_BUCKETS_S.index(bound_s)]


async def test_a_blocked_loop_is_seen_and_by_every_reader() -> None:
    """One block of 200 ms is one lag above 128 ms, and the worst of the last seconds however often it is read."""
    probe = LagProbe(DurationHistogram(LAG_BUCKETS_S))
    probe.start()
    await asyncio.sleep(0.05)
    before = counted_above(probe, LAG_BUCKETS_S[7])

    time.sleep(0.2)  # noqa: ASYNC251 - that is the block
    await asyncio.sleep(0.03)
    probe.stop()

    assert counted_above(probe, LAG_BUCKETS_S[7]) - before >= 1
    assert probe.max_s() == probe.max_s() >= 0.128


async def test_a_lag_is_forgotten_after_two_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.common.lag.WINDOW_S", 0.05)
    probe = LagProbe(DurationHistogram(LAG_BUCKETS_S))
    probe.start()
    time.sleep(0.3)  # noqa: ASYNC251 - that is the block
    await asyncio.sleep(0.02)
    worst_s = probe.max_s()

    await asyncio.sleep(0.4)
    probe.stop()

    assert worst_s >= 0.25
    assert probe.max_s() < worst_s


async def test_threads_of_plain_handlers_are_counted(kit: Any, upstreams: Any, client: Any) -> None:
    """A `def` handler that runs is one token used; the number of tokens is anyio's."""
    router, inside, go_on = APIRouter(), threading.Event(), threading.Event()

    @router.get("/work")
    def work() -> PlainTextResponse:
        inside.set()
        assert go_on.wait(5)
        return PlainTextResponse("")

    speak = client(build_app(kit, upstreams(), router))
    request = asyncio.create_task(speak.get("/work"))
    assert await asyncio.to_thread(inside.wait, 5)
    seen = {name: kit.registry.get_sample_value(name, LABELS) for name in (THREAD_TOKENS, THREAD_TOKENS_USED)}
    go_on.set()
    await request

    assert seen == {THREAD_TOKENS: 40, THREAD_TOKENS_USED: 1}
    assert kit.registry.get_sample_value(THREAD_TOKENS_USED, LABELS) == 0
    assert kit.registry.get_sample_value(THREAD_TOKENS_WAITING, LABELS) == 0


@pytest.mark.parametrize(("sent", "shown"), [("trace-me-1", True), ("x" * 120, False)])
async def test_a_bucket_names_its_newest_request(kit: Any, upstreams: Any, client: Any, sent: str, shown: bool) -> None:
    """To who asks for OpenMetrics; an id that its rules have no room for is left out."""
    router = APIRouter()
    router.add_api_route("/work", lambda: PlainTextResponse(""))
    speak = client(build_app(kit, upstreams(), router))
    await speak.get("/work", headers={"x-request-id": sent})

    answer = await speak.get("/metrics", headers=OPEN_METRICS)

    families = {family.name: family for family in text_string_to_metric_families(answer.text)}  # type: ignore[no-untyped-call]
    exemplars = [sample.exemplar for sample in families[HTTP_DURATION].samples if sample.exemplar is not None]
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert [one.labels for one in exemplars] == ([{"request_id": sent}] if shown else [])
    assert families[EVENT_LOOP_LAG_MAX].samples


async def test_the_line_of_a_request_is_what_json_makes_of_it() -> None:
    """It is put together by hand, so it is held to what the other lines are made by; times round down."""
    stream, walls = io.StringIO(), [1_700_000_000.0, 1_700_000_000.9999, 1_700_000_001.5]

    class Clock:
        def wall(self) -> float:
            return walls[0]

    log: Any = JsonLog(stream, Clock(), service="orders", arm="naive")  # type: ignore[arg-type]
    for wall_s in walls:
        log.request("info", ("GET", '/a"b', 200), request_id="r-1", duration_s=0.0123456, wall_s=wall_s)
    log.line("info", event="started")

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [datetime.fromisoformat(line["time"]) for line in lines[:3]] == [
        datetime.fromtimestamp(int(wall_s * 1000) / 1000, UTC) for wall_s in walls
    ]
    assert lines[0] == {
        "time": "2023-11-14T22:13:20.000+00:00",
        "level": "info",
        "service": "orders",
        "arm": "naive",
        "method": "GET",
        "route": '/a"b',
        "status": 200,
        "request_id": "r-1",
        "duration_ms": 12.35,
    }
    assert lines[3]["time"] == lines[0]["time"]


async def test_lines_of_good_requests_wait_for_each_other_and_no_longer_than_said() -> None:
    """A line that is worth a look takes them along, in their order."""

    class Stream(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            self.writes += 1
            return super().write(text)

    class Clock:
        def wall(self) -> float:
            return 1_700_000_000.0

    stream, fine = Stream(), ("GET", "/a", 200)
    log = JsonLog(stream, Clock(), service="orders", arm="naive")  # type: ignore[arg-type]
    for number in range(3):
        log.request("info", fine, request_id=f"r-{number}", duration_s=0.1, wall_s=1.0)
    assert stream.writes == 0

    log.request("warning", ("GET", "/a", 500), request_id="r-3", duration_s=0.1, wall_s=1.0)
    log.request("info", fine, request_id="r-4", duration_s=0.1, wall_s=1.0)
    assert stream.writes == 1
    await asyncio.sleep(4 * WRITTEN_WITHIN_S)

    ids = [json.loads(line)["request_id"] for line in stream.getvalue().splitlines()]
    assert (ids, stream.writes) == ([f"r-{number}" for number in range(5)], 2)


def test_without_an_event_loop_every_line_is_written_at_once() -> None:
    stream = io.StringIO()

    make_kit("orders", "naive", stream=stream).log.request(
        "info", ("GET", "/a", 200), request_id="r-0", duration_s=0.1, wall_s=1.0
    )

    assert stream.getvalue().count("\n") == 1
