"""Runs of the load generator, for the tests of it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos.recording.load import LoadPlan, LoadProcess
from chaos.records import Request, read_requests
from chaos.scenario import Load
from resilience.clock import SystemClock
from tests.integration.load.gateway import Answer, Gateway, gateway

ROOT = Path(__file__).parents[3]
SEED = 7
LEAD_S = 0.3
MARK = f"of-test-{os.getpid()}"


def load_process(folder: Path, arms: Mapping[str, str], load: Load, duration_s: float) -> LoadProcess:
    """Return a load process that writes everything into `folder`."""
    plan = LoadPlan(seed=SEED, arms=arms, load=load, duration_s=duration_s)
    return LoadProcess(plan, root=ROOT, folder=folder, log=folder / "locust.log", mark=MARK)


async def eventually(holds: Callable[[], bool], within_s: float = 20) -> None:
    """Wait until something outside this process has come true; raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110  nobody there sets an event of ours
            await asyncio.sleep(0.02)


def soon() -> float:
    """Return a t0 for `go`."""
    return SystemClock().wall() + LEAD_S


@dataclass
class Sending:
    """A load process and the gateways that it asks."""

    process: LoadProcess
    gateways: Mapping[str, Gateway]
    folder: Path

    async def go(self) -> float:
        """Wait until it is ready, let it go, and return t0 on the system clock."""
        await self.process.ready()
        self.process.go(soon())
        return SystemClock().now() + LEAD_S

    def rows(self) -> list[Request]:
        """Return what is in requests.csv."""
        return read_requests(self.folder / "requests.csv")


@asynccontextmanager
async def sending(folder: Path, answers: Mapping[str, Answer], load: Load, duration_s: float) -> AsyncIterator[Sending]:
    """Start a gateway for each answer, and the load process."""
    async with AsyncExitStack() as stack:
        gateways = {arm: await stack.enter_async_context(gateway(answer)) for arm, answer in answers.items()}
        urls = {arm: each.url for arm, each in gateways.items()}
        process = await stack.enter_async_context(load_process(folder, urls, load, duration_s))
        yield Sending(process, gateways, folder)
