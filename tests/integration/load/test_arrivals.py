"""One run of the load generator, a real Locust process, against four gateways: the rows say what customers met."""

import asyncio
import statistics
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from chaos.records import Request
from chaos.scenario import Load
from loadtests.schedule import schedule
from resilience.clock import SystemClock
from tests.integration.load.gateway import Answer, Gateway, busy, mute, prompt
from tests.integration.load.generator import SEED, eventually, sending

pytestmark = pytest.mark.integration

DURATION_S = 3.0
PATIENCE_S = 1.5
LOAD = Load(
    checkout_per_s=20, browse_per_s=40, repeat_share=0.2, in_time_s=0.3, patience_s=PATIENCE_S, max_in_flight=500
)
STALL_FROM_S, STALL_TO_S = 1.0, 2.0
# The two processes agree on t0 through the epoch, read at slightly different moments.
CLOCKS_S = 0.03


class Stalling:
    """Holds everything that comes within the stall until its end."""

    t0 = float("inf")

    async def __call__(self, request: web.Request) -> web.Response:
        clock = SystemClock()
        if self.t0 + STALL_FROM_S <= clock.now() < self.t0 + STALL_TO_S:
            await asyncio.sleep(self.t0 + STALL_TO_S - clock.now())
        return await prompt(request)


@dataclass
class Seen:
    """What the run left."""

    rows: list[Request]
    gateways: dict[str, Gateway]
    scheduled: int
    log: str

    def of(self, arm: str) -> list[Request]:
        return [row for row in self.rows if row.arm == arm]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return asyncio.run(one_run(tmp_path_factory.mktemp("run")))


async def one_run(folder: Path) -> Seen:
    stalling = Stalling()
    answers: dict[str, Answer] = {"prompt": prompt, "stalling": stalling, "mute": mute, "busy": busy}
    async with sending(folder, answers, LOAD, DURATION_S) as run:
        scheduled = await run.process.ready()
        stalling.t0 = await run.go()
        await run.process.wait_done(20)
        await eventually(lambda: run.gateways["mute"].dropped == len(run.gateways["mute"].asked))
        return Seen(run.rows(), dict(run.gateways), scheduled, (folder / "locust.log").read_text())


def test_every_arrival_of_the_schedule_is_a_row_at_every_arm(seen: Seen) -> None:
    arrivals = schedule(SEED, LOAD.checkout_per_s, LOAD.browse_per_s, LOAD.repeat_share, DURATION_S)

    expected = [(each.seq, each.kind, round(each.intended_s, 6)) for each in arrivals]
    for arm in ("prompt", "stalling", "mute", "busy"):
        assert sorted((row.seq, row.kind, row.intended_s) for row in seen.of(arm)) == expected
    assert seen.scheduled == len(arrivals)


def test_a_prompt_gateway_has_answered_everybody(seen: Seen) -> None:
    assert {(row.kind, row.status, row.outcome) for row in seen.of("prompt")} == {
        ("checkout", 201, "answered"),
        ("browse", 200, "answered"),
    }


def test_a_row_holds_the_order_that_the_answer_promised(seen: Seen) -> None:
    for row in seen.of("prompt"):
        assert row.order_id == (f"order-{row.key}" if row.kind == "checkout" else "")


def test_every_request_is_sent_once_and_its_id_names_its_row(seen: Seen) -> None:
    for arm, gateway in seen.gateways.items():
        sent = Counter((key, request_id) for _, _, key, request_id in gateway.asked)
        assert sent == Counter((row.key, f"{arm}-{row.seq}") for row in seen.of(arm))


def test_a_checkout_that_is_sent_again_is_a_row_of_its_own_with_the_same_key(seen: Seen) -> None:
    """The same customers click twice at every arm."""
    again = set()
    for arm in seen.gateways:
        checkouts = sorted((row for row in seen.of(arm) if row.kind == "checkout"), key=lambda row: row.seq)
        times = Counter(row.key for row in checkouts)
        assert set(times.values()) == {1, 2}
        firsts = {row.key: row.seq for row in reversed(checkouts)}
        again.add(frozenset((firsts[row.key], row.seq) for row in checkouts if row.seq != firsts[row.key]))
    assert len(again) == 1


def test_a_stall_is_counted_from_the_intended_instant(seen: Seen) -> None:
    """A generator that waited for its answers would show one slow request here."""
    inside = [row for row in seen.of("stalling") if STALL_FROM_S + CLOCKS_S <= row.intended_s < STALL_TO_S - CLOCKS_S]

    assert len(inside) > 30
    for row in inside:
        assert row.latency_ms >= (STALL_TO_S - row.intended_s - CLOCKS_S) * 1000
    assert statistics.quantiles([row.latency_ms for row in inside], n=20)[-1] > 700


def test_before_the_stall_and_at_the_other_arm_nobody_waited(seen: Seen) -> None:
    before = [row.latency_ms for row in seen.of("stalling") if row.intended_s < STALL_FROM_S - CLOCKS_S]
    beside = [row.latency_ms for row in seen.of("prompt") if STALL_FROM_S <= row.intended_s < STALL_TO_S]

    assert statistics.median(before) < 200
    assert statistics.median(beside) < 200


def test_patience_ends_an_exchange_and_drops_its_connection(seen: Seen) -> None:
    assert {(row.outcome, row.status, row.latency_ms) for row in seen.of("mute")} == {("gave_up", 0, PATIENCE_S * 1000)}
    assert seen.gateways["mute"].dropped == len(seen.of("mute"))


def test_a_503_is_a_refusal_with_its_retry_after(seen: Seen) -> None:
    assert {(row.outcome, row.status, row.retry_after_s, row.order_id) for row in seen.of("busy")} == {
        ("refused", 503, 2.0, "")
    }


def test_nothing_is_sent_before_its_instant(seen: Seen) -> None:
    assert min(row.lag_ms for row in seen.rows) >= 0
    assert all(row.latency_ms >= row.lag_ms for row in seen.rows)


def test_locust_has_counted_the_same_requests(seen: Seen) -> None:
    browsing = sum(row.kind == "browse" for row in seen.of("prompt"))

    line = next(line for line in seen.log.splitlines() if "prompt browse" in line)
    assert line.split()[:5] == ["GET", "prompt", "browse", str(browsing), "0(0.00%)"]
