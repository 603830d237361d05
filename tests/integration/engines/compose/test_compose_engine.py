"""The Compose engine from the first question to `down -v`, and however it ends, against a program in docker's place."""

import asyncio
import os
from pathlib import Path

import pytest

from chaos.engines.compose.engine import ComposeEngine
from chaos.engines.leftovers import clean_leftovers
from chaos.engines.state import LabState, only_lab, read_state, write_state
from chaos.engines.waiting import until
from chaos.errors import ComponentMissing, LabAlreadyUp, LabError, PortTaken, ProcessEnded, StartFailed
from chaos.scenario import Arm
from tests.integration.engines.compose.fake_docker import FakeDocker
from tests.integration.engines.tiny import Tiny

pytestmark = pytest.mark.integration

ARM = Arm(name="naive", profile="naive")


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """Return the docker that is first on the path."""
    fake = FakeDocker(tmp_path / "fake docker")
    monkeypatch.setenv("PATH", f"{fake.home}{os.pathsep}{os.environ['PATH']}")
    return fake


@pytest.fixture
def engine(tiny: Tiny) -> ComposeEngine:
    """Return an engine on a file with one service, the bank of one arm."""
    tiny.service("bank-a", LAB_ARM="naive")
    return ComposeEngine(tiny.root, tiny.load(), [ARM], tiny.root / "logs", tiny.lines.append)


async def test_it_is_up_inside_and_gone_afterwards(engine: ComposeEngine, docker: FakeDocker, tiny: Tiny) -> None:
    """The state says what runs while it runs; the logs of every container are there at the end."""
    async with engine as lab:
        state = read_state(tiny.root)
        assert state is not None
        assert (state.engine, state.project, state.ready) == ("compose", "chaoslab", True)
        assert [(arm.name, arm.slot) for arm in state.arms] == [("naive", "a")]
        assert [(one.name, one.service, one.arm) for one in lab.services] == [("bank-a", "bank", "naive")]
        assert docker.is_up()

    assert not docker.is_up()
    assert tiny.nothing_left()
    assert (tiny.root / "logs" / "bank-a.log").read_text().splitlines() == [
        "the bank says hello",
        "and then: the reason",
    ]
    (up,) = [call for call in docker.calls() if " up " in call]
    assert up.endswith("up -d --build --wait")
    assert f"-p chaoslab -f {tiny.root / 'compose.yaml'}" in up
    (down,) = [call for call in docker.calls() if " down " in call]
    assert "down --volumes" in down


async def test_a_container_that_ends_by_itself_ends_the_lab(engine: ComposeEngine, docker: FakeDocker) -> None:
    async with engine as lab:
        docker.kill_bank()
        with pytest.raises(ProcessEnded, match=r"bank-a ended by itself: exit code 137(.|\n)*and then: the reason"):
            await asyncio.wait_for(lab.watch(), 30)
    assert not docker.is_up()


async def test_a_container_that_ends_at_the_start_is_not_waited_for(engine: ComposeEngine, docker: FakeDocker) -> None:
    docker.set(up_s=600)
    docker.kill_bank()

    with pytest.raises(StartFailed, match=r"bank-a ended by itself: exit code 137(.|\n)*and then: the reason"):
        async with asyncio.timeout(60):
            await engine.__aenter__()
    assert not docker.is_up()


async def test_a_cancelled_start_leaves_nothing(engine: ComposeEngine, docker: FakeDocker, tiny: Tiny) -> None:
    docker.set(up_s=600)
    start = asyncio.create_task(engine.__aenter__())
    assert await until(docker.is_up, 0.02, 30)
    start.cancel()

    with pytest.raises(asyncio.CancelledError):
        await start
    assert not docker.is_up()
    assert tiny.nothing_left()


async def test_what_does_not_end_is_reported_and_stays_written_down(
    engine: ComposeEngine, docker: FakeDocker, tiny: Tiny
) -> None:
    async with engine as lab:
        docker.set(immortal=True)

    assert lab.left_running() == ("chaoslab-bank-a-1",)
    assert not tiny.nothing_left()


async def test_the_next_start_removes_what_a_killed_lab_left(docker: FakeDocker, tmp_path: Path) -> None:
    (docker.home / "up").touch()
    (tmp_path / ".lab").mkdir()
    dead = LabState(
        engine="compose", project="chaoslab", pid=1, started="never", mark="m", ready=True, log_dir=str(tmp_path)
    )
    write_state(tmp_path, dead)

    with only_lab(tmp_path):
        (line,) = await clean_leftovers(tmp_path)
    assert "removed the Compose project chaoslab" in line
    assert not docker.is_up()
    assert read_state(tmp_path) is None


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"version": "2.10.0"}, ComponentMissing, "2.23.1 is needed"),
        ({"memory": 0}, ComponentMissing, "Docker does not answer: start it.*Cannot connect"),
        ({"memory": 2**27}, StartFailed, "Docker has 0.1 GiB of memory.*LAB_WATCH=0"),
        ({"up_code": 1}, StartFailed, "docker compose up failed(.|\n)*making it so"),
        ({"up_code": 1, "exit_code": 3}, StartFailed, "bank-a ended at its start: exit code 3(.|\n)*the reason"),
    ],
)
async def test_what_the_machine_lacks_is_said(
    engine: ComposeEngine, docker: FakeDocker, changes: dict[str, object], kind: type[LabError], said: str
) -> None:
    docker.set(**changes)

    with pytest.raises(kind, match=said):
        await engine.__aenter__()
    assert not docker.is_up()


async def test_a_project_of_somebody_else_is_left_alone(engine: ComposeEngine, docker: FakeDocker) -> None:
    (docker.home / "up").touch()

    with pytest.raises(LabAlreadyUp, match=r"the Compose project chaoslab is there already.*down -v"):
        await engine.__aenter__()
    assert docker.is_up()


async def test_a_taken_port_is_named(engine: ComposeEngine, docker: FakeDocker) -> None:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    services = {"bank-a": {"image": "i", "ports": [{"published": str(port), "target": port}]}}
    docker.set(config={"services": services})

    async with server:
        with pytest.raises(PortTaken, match=f"port {port}, wanted by bank-a"):
            await engine.__aenter__()
