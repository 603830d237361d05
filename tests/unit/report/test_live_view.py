"""What the live view makes of the newest rows and samples."""

import asyncio
from pathlib import Path

import pytest

from chaos.recording.tail import Tail
from chaos.records import COLUMNS
from chaos.scenario import Scenario
from chaos.terminal import LiveFrame, LiveView
from chaos.terminal.plain import PlainTerminal
from chaos.terminal.view import PERIOD_S
from resilience.metrics import BREAKER_STATE
from services.common.metrics import DB_POOL_WAITING
from tests.unit.report.synthetic import SLOW, scenario


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def now(self) -> float:
        return self.now_s

    async def sleep(self, delay_s: float) -> None:
        self.now_s += delay_s
        await asyncio.sleep(0)


class Samples:
    def __init__(self, values: dict[tuple[str, str, str], float]) -> None:
        self.values = values

    def latest(self, arm: str, service: str, metric: str, **labels: str) -> float | None:
        return self.values.get((arm, service, metric))


class Shown(PlainTerminal):
    """A terminal that keeps its frames, and fails as a defect would from the third on."""

    def __init__(self) -> None:
        self.frames: list[LiveFrame] = []
        self.notes: list[str] = []
        self.two = asyncio.Event()
        self.failed = asyncio.Event()

    def live(self, frame: LiveFrame) -> None:
        self.frames.append(frame)
        if len(self.frames) == 2:
            self.two.set()
        if len(self.frames) > 2:
            self.failed.set()
            raise RuntimeError("a defect")

    def note(self, text: str) -> None:
        self.notes.append(text)


def view(path: Path, values: dict[tuple[str, str, str], float], clock: Clock, terminal: Shown) -> LiveView:
    asked: Scenario = scenario(SLOW)
    return LiveView(terminal, asked, Tail(path, in_time_s=1.0), Samples(values), clock=clock, t0=101.0)


def test_a_frame_has_rates_latencies_queue_and_breaker_of_each_arm(tmp_path: Path) -> None:
    path = tmp_path / "requests.csv"
    rows = ["naive,checkout,1,9.0,0,200,201,answered,k,o,,0", "naive,browse,2,9.1,0,90,200,answered,,,,0",
            "naive,browse,3,7.5,0,1500,200,answered,,,,0"]  # fmt: skip
    path.write_text("\n".join([",".join(COLUMNS), *rows, ""]))
    clock = Clock()
    clock.now_s = 111.0
    values = {("naive", "orders", DB_POOL_WAITING): 5.0, ("naive", "inventory", DB_POOL_WAITING): 2.0}
    naive, protected = view(path, values, clock, Shown()).frame().arms

    assert (naive.checkout_per_s, naive.checkout_p95_ms, naive.browse_share, naive.waiting) == (1.0, 200.0, 0.5, 7)
    assert (naive.breaker, protected.browse_share, protected.waiting) == ("-", None, None)


def test_an_open_breaker_says_for_how_long(tmp_path: Path) -> None:
    clock, values = Clock(), {("protected", "orders", BREAKER_STATE): 2.0}
    looked = view(tmp_path / "none.csv", values, clock, Shown())
    clock.now_s = 111.0
    first = looked.frame().arms[1].breaker
    clock.now_s += 1.5
    second = looked.frame().arms[1].breaker
    values["protected", "orders", BREAKER_STATE] = 1.0
    third = looked.frame().arms[1].breaker

    assert [first, second, third] == ["open 0.0 s", "open 1.5 s", "half-open"]


def test_time_is_between_the_beginning_and_the_end_of_the_load(tmp_path: Path) -> None:
    clock = Clock()
    looked = view(tmp_path / "none.csv", {}, clock, Shown())
    before = looked.frame().t_s
    clock.now_s = 1000.0

    assert (before, looked.frame().t_s) == (0.0, 63.0)


async def test_frames_begin_at_t0_and_come_twice_a_second(tmp_path: Path) -> None:
    terminal = Shown()
    async with view(tmp_path / "none.csv", {}, Clock(), terminal), asyncio.timeout(10):
        await terminal.two.wait()

    assert [frame.t_s for frame in terminal.frames[:2]] == [0.0, PERIOD_S]


async def test_a_look_that_goes_wrong_costs_no_run_but_is_told(tmp_path: Path) -> None:
    terminal = Shown()
    async with view(tmp_path / "none.csv", {}, Clock(), terminal), asyncio.timeout(10):
        await terminal.failed.wait()

    assert terminal.notes == ["the live figures stopped early: RuntimeError('a defect')"]


async def test_leaving_the_block_by_cancellation_ends_the_looking_and_is_let_through(tmp_path: Path) -> None:
    looked = view(tmp_path / "none.csv", {}, Clock(), Shown())

    async def interrupted() -> None:
        async with looked:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await interrupted()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "live view"] == []
