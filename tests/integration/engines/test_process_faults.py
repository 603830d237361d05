"""Kill and pause on the local engine, done to real processes: they are gone, come back, and nothing stays hurt."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence

import asyncpg
import psutil
import pytest

from chaos.engines.liveness import Identity, descendants, identify
from chaos.engines.local import LocalLab
from chaos.engines.process_port import RefusedProcesses
from chaos.engines.waiting import until
from chaos.errors import ProcessEnded, ProcessFaultError
from chaos.process_faults import asked, struck
from chaos.recording.probe_protocols import BROKEN
from chaos.scenario import Kill, Pause, ProcessFault
from chaos.victims import door
from resilience.clock import SystemClock
from tests.integration.engines.tiny import LabProcess, Tiny, alive, wait_for

pytestmark = pytest.mark.integration

CLOCK = SystemClock()
ARMS = ("naive",)


def kill(*services: str, down_ms: int | None = None) -> Kill:
    return Kill.model_validate({"type": "kill", "services": services, "attributes": {"down_ms": down_ms}})


def pause(*services: str) -> Pause:
    return Pause.model_validate({"type": "pause", "services": services})


def pid_of(lab: LocalLab, name: str) -> int:
    return lab.supervisor.children[name].identity.pid


def nothing() -> None:
    """Take note of the heal's beginning, as nobody does here."""


async def ready(lab: LocalLab, service: str = "front") -> bool:
    return not await asked(door(lab, service, "naive"))


async def still_watched(lab: LocalLab, watch: asyncio.Task[None]) -> None:
    """Fail where the lab's own watch took what was done for a failure."""
    await asyncio.sleep(0.2)
    assert not watch.done(), watch


async def test_a_killed_service_is_gone_and_comes_back_as_another_process(tiny: Tiny) -> None:
    """The lab's watch does not mind, and the state file names the new process."""
    tiny.service("front", STRAY=str(tiny.root / "stray.pid"))
    async with tiny.engine() as lab:
        watch = asyncio.create_task(lab.watch())
        old = lab.supervisor.children["front"].identity
        wait_for((tiny.root / "stray.pid").exists)
        family = descendants([old.pid])

        async with struck(kill("front"), ARMS, lab, CLOCK, healing=nothing) as fault:
            assert len(family) == 1
            assert alive({old} | family) == set()
            assert not await ready(lab)
            assert lab.pids() == ()
            await still_watched(lab, watch)

        assert await ready(lab)
        assert pid_of(lab, "front") != old.pid
        assert pid_of(lab, "front") in lab.pids()
        state = tiny.state()
        assert state is not None
        assert [child.pid for child in state.children] == [pid_of(lab, "front")]
        (outage,) = fault.outages(0.0)
        assert (outage.service, outage.arm, outage.process) == ("front", None, "front")
        assert (outage.signal, outage.same_process) == ("SIGKILL", False)
        assert outage.from_s < outage.back_s < outage.ready_s
        assert outage.from_s - 2 < outage.began_s < outage.ready_s + 2
        await still_watched(lab, watch)

        os.kill(pid_of(lab, "front"), signal.SIGKILL)
        with pytest.raises(ProcessEnded, match="front ended by itself"):
            await asyncio.wait_for(watch, 10)
    assert tiny.nothing_left()


async def test_a_kill_with_a_time_is_over_before_its_block(tiny: Tiny) -> None:
    """It tells when its heal begins, and the way out of the block has nothing left to do."""
    tiny.service("front")
    told: list[float] = []
    async with tiny.engine() as lab:
        async with struck(
            kill("front", down_ms=300), ARMS, lab, CLOCK, healing=lambda: told.append(CLOCK.now())
        ) as fault:
            assert not await ready(lab)
            assert await until(lambda: fault.healed_s is not None, 0.05, 30)
            back = pid_of(lab, "front")
            assert await ready(lab)
        assert pid_of(lab, "front") == back
        (outage,) = fault.outages(0.0)
        assert outage.back_s - outage.from_s >= 0.25
        assert len(told) == 1
        assert fault.window(0.0).to_s == pytest.approx(outage.back_s, abs=0.2)


async def test_a_paused_service_stands_still_and_goes_on_as_the_same_process(tiny: Tiny) -> None:
    tiny.service("front", STRAY=str(tiny.root / "stray.pid"))
    async with tiny.engine() as lab:
        wait_for((tiny.root / "stray.pid").exists)
        family = [pid_of(lab, "front"), *(one.pid for one in descendants([pid_of(lab, "front")]))]

        async with struck(pause("front"), ARMS, lab, CLOCK, healing=nothing) as fault:
            assert len(family) == 2
            wait_for(lambda: states(family) == {psutil.STATUS_STOPPED})
            assert not await ready(lab)

        assert psutil.STATUS_STOPPED not in states(family)
        assert await ready(lab)
        (outage,) = fault.outages(0.0)
        assert (outage.signal, outage.same_process) == ("SIGSTOP", True)
    assert tiny.nothing_left()


def states(pids: Sequence[int]) -> set[str]:
    return {psutil.Process(pid).status() for pid in pids}


@pytest.mark.parametrize("fault", [kill("front"), kill("front", down_ms=60_000), pause("front")], ids=str)
async def test_a_cancellation_while_it_is_hurt_brings_it_back(tiny: Tiny, fault: ProcessFault) -> None:
    """Also where it is cancelled again while it is being brought back."""
    tiny.service("front")
    async with tiny.engine() as lab:
        in_force = asyncio.Event()

        async def run() -> None:
            async with struck(fault, ARMS, lab, CLOCK, healing=nothing):
                in_force.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(run())
        await asyncio.wait_for(in_force.wait(), 10)
        assert not await ready(lab)
        task.cancel()
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await ready(lab)
    assert tiny.nothing_left()


async def test_a_service_that_does_not_come_back_is_named_with_its_last_words(tiny: Tiny) -> None:
    tiny.service("front", ONCE=str(tiny.root / "once"))
    async with tiny.engine() as lab:
        with pytest.raises(ProcessFaultError, match=r"front does not run: exit code 5(.|\n)*not a second time"):
            async with struck(kill("front"), ARMS, lab, CLOCK, healing=nothing):
                pass
    assert tiny.nothing_left()


async def test_whoever_is_not_there_is_refused_before_anything_is_hurt(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.service("front")
    async with tiny.engine() as lab:
        with pytest.raises(ProcessFaultError, match="no link of the arm naive leads to back"):
            async with struck(kill("front", "back"), ARMS, lab, CLOCK, healing=nothing):
                pass
        with pytest.raises(ProcessFaultError, match="the lab has no process back; it has front"):
            await lab.processes.kill("back")
        monkeypatch.setattr(LocalLab, "processes", RefusedProcesses("they are another's"))
        with pytest.raises(ProcessFaultError, match="front: they are another's"):
            async with struck(kill("front"), ARMS, lab, CLOCK, healing=nothing):
                pass
        assert await ready(lab)


async def test_postgres_comes_back_with_what_it_had_committed(tiny: Tiny) -> None:
    """All its backends die with it, each a leader of a session of its own; nothing committed is lost."""
    tiny.components("postgres")
    async with tiny.engine() as lab:
        dsn = f"postgresql://shop@127.0.0.1:{tiny.ports['postgres']}/shop"
        connection = await asyncpg.connect(dsn, ssl=False)
        await connection.execute("CREATE TABLE kept (number int)")
        written = 0
        backends = descendants([pid_of(lab, "postgres")])
        assert len(backends) > 1

        async def write() -> None:
            nonlocal written
            while True:
                await connection.execute("INSERT INTO kept VALUES ($1)", written)
                written += 1

        writing = asyncio.create_task(write())
        assert await until(lambda: written >= 20, 0.01, 30)
        await lab.processes.kill("postgres")

        assert alive(backends) == set()
        with pytest.raises(BROKEN):
            await writing
        await lab.processes.start_again("postgres")
        numbers = [row["number"] for row in await rows(dsn)]
        # The one under way at the kill may be there or not; nobody was told.
        assert numbers[:written] == list(range(written))
        assert len(numbers) <= written + 1
        await lab.processes.pause("postgres")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncpg.connect(dsn, ssl=False), 0.5)
        await lab.processes.resume("postgres")
        assert len(await rows(dsn)) == len(numbers)
    assert tiny.nothing_left()


async def rows(dsn: str) -> list[asyncpg.Record]:
    """Ask as soon as the server lets anybody in."""
    async with asyncio.timeout(30):
        while True:
            try:
                connection = await asyncpg.connect(dsn, ssl=False)
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.05)
                continue
            try:
                return list(await connection.fetch("SELECT number FROM kept ORDER BY number"))
            finally:
                await connection.close()


def test_a_lab_that_is_killed_while_all_of_it_stands_still_leaves_nothing(
    tiny: Tiny, start_lab: Callable[..., LabProcess]
) -> None:
    """A stopped process takes SIGKILL, and Postgres, which is to get SIGQUIT, is let go on by the kernel first."""
    tiny.service("front", after=["postgres", "redis"])
    tiny.components("postgres", "redis")
    lab = start_lab(tiny, "pause")
    family = lab.family() | backends_of(tiny)
    wait_for(lambda: "paused" in lab.text())
    assert len(family) > 5
    wait_for(lambda: states([one.pid for one in family]) == {psutil.STATUS_STOPPED})

    lab.process.kill()
    lab.process.wait(20)

    wait_for(lambda: alive(family) == set())


def backends_of(tiny: Tiny) -> set[Identity]:
    state = tiny.state()
    assert state is not None
    (postgres,) = (child.pid for child in state.children if child.name == "postgres")
    return {identify(one.pid) for one in descendants([postgres])}
