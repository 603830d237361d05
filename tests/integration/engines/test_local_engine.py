"""The local engine on tiny services: order, readiness, failures at the start, and that nothing stays."""

import asyncio
import os
import urllib.request
from pathlib import Path

import pytest

from chaos.engines.liveness import Identity, identify, marked
from chaos.engines.local import SERVICE_NICE
from chaos.engines.processes import MARK, STOP_BUDGET_S
from chaos.engines.waiting import until
from chaos.errors import LabAlreadyUp, PortTaken, ProcessEnded, StartFailed, TopologyError
from chaos.scenario import Arm
from tests.integration.engines.tiny import Tiny, alive, wait_for

pytestmark = pytest.mark.integration


def get(url: str) -> int:
    """Return the status of a GET."""
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - loopback
        return int(response.status)


async def test_services_answer_inside_and_are_gone_outside(tiny: Tiny) -> None:
    """Inside the context every service answers under its own URL; after it there is no process, state or data."""
    tiny.service("front-a", LAB_ARM="naive")
    tiny.service("back-a", LAB_ARM="naive")

    async with tiny.engine() as lab:
        family = {identify(pid) for pid in lab.pids()}
        states = [await asyncio.to_thread(get, service.url) for service in lab.services]
        assert [(service.name, service.service, service.arm) for service in lab.services] == [
            ("front-a", "front", "naive"),
            ("back-a", "back", "naive"),
        ]
        assert {service.pid for service in lab.services} == set(lab.pids())
        assert states == [200, 200]
        assert lab.service_url("naive", "front") == f"http://127.0.0.1:{tiny.ports['front-a']}"

    assert len(family) == 2
    assert alive(family) == set()
    assert tiny.nothing_left()
    assert lab.stop_s is not None
    assert "service says hello" in (tiny.root / "logs" / "front-a.log").read_text()


async def test_a_service_starts_when_what_it_depends_on_is_ready(tiny: Tiny) -> None:
    """A dependant is not started before its dependency is ready, and starts where there is none at once."""
    tiny.service("last", after=["first"])
    tiny.service("first")
    tiny.service("never", after=["unready"])
    tiny.service("unready", STATUS="503")

    with pytest.raises(StartFailed, match=r"not ready within 3 s: never, unready\nunready: .* answers 503"):
        async with tiny.engine(start_timeout_s=3):
            pytest.fail("it must not become ready")

    assert (tiny.root / "logs" / "last.log").exists()
    assert not (tiny.root / "logs" / "never.log").exists()
    assert tiny.nothing_left()


async def test_a_service_that_ends_at_its_start_says_its_last_words(tiny: Tiny) -> None:
    """A service that exits at its start fails the start, with its exit code and the end of its log."""
    tiny.service("good")
    tiny.service("broken", EXIT="5")

    with pytest.raises(StartFailed, match=r"broken ended.*exit code 5(.|\n)*cannot go on: the reason"):
        async with tiny.engine():
            pytest.fail("it must not become ready")

    assert tiny.nothing_left()


async def test_a_program_that_does_not_exist_is_named(tiny: Tiny) -> None:
    """A command whose program is nowhere fails the start by name, before a process."""
    tiny.service("odd")
    tiny.services["odd"]["command"] = ["no-such-program"]

    with pytest.raises(StartFailed, match="no program no-such-program"):
        async with tiny.engine():
            pytest.fail("it must not become ready")


async def test_a_taken_port_names_its_holder(tiny: Tiny) -> None:
    """A taken port is refused before anything starts: port, who wants it, who holds it."""
    tiny.service("front")
    tiny.load()
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", tiny.ports["front"])

    async with server:
        with pytest.raises(PortTaken, match=rf"port {tiny.ports['front']}, wanted by front, .*pid {os.getpid()}: .*"):
            async with tiny.engine():
                pytest.fail("it must not start")

    assert not (tiny.root / "logs").exists()
    assert tiny.nothing_left()


async def test_a_second_lab_in_one_checkout_is_refused(tiny: Tiny) -> None:
    """A second start while a lab is up names the first one's pid and does not touch it."""
    tiny.service("front")

    async with tiny.engine() as lab:
        with pytest.raises(LabAlreadyUp, match=rf"pid {os.getpid()}"):
            async with tiny.engine():
                pytest.fail("it must not start")
        assert await asyncio.to_thread(get, lab.services[0].url) == 200
    async with tiny.engine() as lab:
        assert await asyncio.to_thread(get, lab.services[0].url) == 200


async def test_a_process_that_ends_by_itself_is_noticed(tiny: Tiny) -> None:
    """`watch` raises when a ready service dies, with how it ended and its log; the end is still clean."""
    tiny.service("front")

    async def run() -> None:
        async with tiny.engine() as lab:
            await asyncio.to_thread(get, lab.services[0].url + "/die")
            await lab.watch()

    with pytest.raises(ProcessEnded, match=r"front ended by itself: exit code 7(.|\n)*service says hello"):
        await asyncio.wait_for(run(), 30)

    assert tiny.nothing_left()


async def test_an_end_on_purpose_is_no_alarm(tiny: Tiny) -> None:
    """A child whose end was announced may end: the joint for faults that kill processes."""
    tiny.service("front")

    async with tiny.engine() as lab:
        child = lab.supervisor.children["front"]
        child.end_expected = True
        child.process.kill()
        await asyncio.to_thread(child.process.wait, 20)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lab.watch(), 0.3)


async def test_a_service_that_ignores_sigterm_is_killed(tiny: Tiny) -> None:
    """A deaf service and its setsid'd child, deaf too, are gone within the stop's bound."""
    tiny.service("front", DEAF="1", STRAY=str(tiny.root / "stray.pid"))

    async with tiny.engine() as lab:
        wait_for((tiny.root / "stray.pid").exists)
        stray = identify(int((tiny.root / "stray.pid").read_text()))
        family = {identify(pid) for pid in lab.pids()}

    assert stray in family
    assert alive(family) == set()
    assert lab.stop_s is not None
    # The budget with room for a busy machine: an unbounded wait would be minutes.
    assert STOP_BUDGET_S <= lab.stop_s <= 3 * STOP_BUDGET_S


async def test_an_orphan_in_a_session_of_its_own_is_ended(tiny: Tiny) -> None:
    """A grandchild that left its group and lost its parent before the stop is found and ended."""
    tiny.service("front", STRAY=str(tiny.root / "stray.pid"))

    async with tiny.engine() as lab:
        wait_for((tiny.root / "stray.pid").exists)
        stray = identify(int((tiny.root / "stray.pid").read_text()))
        child = lab.supervisor.children["front"]
        child.end_expected = True
        child.process.kill()
        await asyncio.to_thread(child.process.wait, 20)
        assert stray.alive()

    assert not stray.alive()


async def test_cancelling_the_start_leaves_nothing(tiny: Tiny) -> None:
    """A start that is cancelled half way stops what it had started, then is cancelled."""
    tiny.service("good")
    tiny.service("unready", STATUS="503")
    family: set[Identity] = set()

    async def start() -> None:
        async with tiny.engine():
            pytest.fail("it must not become ready")

    task = asyncio.create_task(start())
    while len(family) < 2:
        await asyncio.sleep(0.05)
        state = tiny.state()
        family = marked(MARK, state.mark) if state else set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert alive(family) == set()
    assert tiny.nothing_left()


async def test_cancelling_the_stop_waits_for_it(tiny: Tiny) -> None:
    """An interruption during the stop leaves no process behind, and takes no service's time to end properly."""
    tiny.service("deaf", DEAF="1")
    tiny.service("slow", SLOW="1")
    entered = asyncio.Event()
    family: set[Identity] = set()

    async def run() -> None:
        async with tiny.engine() as lab:
            family.update(identify(pid) for pid in lab.pids())
            entered.set()

    task = asyncio.create_task(run())
    await entered.wait()
    log = tiny.root / "logs" / "slow.log"
    assert await until(lambda: "asked to end" in log.read_text(), poll_s=0.01, timeout_s=20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(family) == 2
    assert alive(family) == set()
    assert "properly ended" in log.read_text()
    assert tiny.nothing_left()


async def test_services_step_back_behind_the_load_generator(tiny: Tiny) -> None:
    """A service runs nicer than the lab, in its session: another session's nice value would not count."""
    tiny.service("front")

    async with tiny.engine() as lab:
        pid = lab.services[0].pid
        assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + SERVICE_NICE
        assert os.getsid(pid) == os.getsid(0)
        assert os.getpgid(pid) == pid


async def test_a_service_sees_the_file_and_not_the_shell(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the user's shell that are not of the machine do not reach a service."""
    monkeypatch.setenv("EXIT", "9")
    tiny.service("front")

    async with tiny.engine() as lab:
        assert await asyncio.to_thread(get, lab.services[0].url) == 200


def test_an_arm_that_nobody_plays_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    """Asking the engine for an arm that the topology does not hold is an error before any start."""
    tiny.service("front")

    with pytest.raises(TopologyError, match="plays the arm protected"):
        type(tiny.engine())(tiny.root, tiny.load(), [Arm(name="protected", profile="protected")], tmp_path, print)
