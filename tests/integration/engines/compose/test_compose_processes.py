"""Kill and pause on the Compose engine: what docker is asked, what the watch makes of it, and on a real Docker."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.engines.compose.engine import ComposeEngine
from chaos.engines.compose.lab import watch_ends
from chaos.engines.compose.processes import ComposeProcesses
from chaos.engines.compose.project import Project
from chaos.engines.waiting import until
from chaos.errors import ProcessEnded, ProcessFaultError
from chaos.scenario import Arm
from resilience.clock import SystemClock
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


async def test_an_end_that_was_asked_for_is_none_of_the_labs(docker: FakeDocker, tiny: Tiny) -> None:
    """The watch goes on after it, and the next end of the same container ends the lab."""
    tiny.service("bank-a", LAB_ARM="naive")
    async with ComposeEngine(tiny.root, tiny.load(), [ARM], tiny.root / "logs", tiny.lines.append) as lab:
        watch = asyncio.create_task(lab.watch())
        before = await lab.processes.life("bank-a")

        await lab.processes.kill("bank-a")
        with pytest.raises(ProcessFaultError, match="bank-a does not run: exit code 137"):
            await lab.processes.life("bank-a")
        await lab.processes.kill("bank-a")
        await lab.processes.start_again("bank-a")

        after = await lab.processes.life("bank-a")
        assert after.identity != before.identity
        assert after.began == before.began + 1
        assert await until(lambda: not lab.end_expected, 0.05, 10)
        assert not watch.done()
        docker.kill_bank()
        with pytest.raises(ProcessEnded, match="bank-a ended by itself"):
            await asyncio.wait_for(watch, 30)
    told = [call for call in docker.calls() if call.startswith(("kill", "start"))]
    assert told == [*["kill -s KILL chaoslab-bank-a-1"] * 2, "start chaoslab-bank-a-1"]


async def test_a_pause_is_asked_for_once_and_taken_back_once(docker: FakeDocker, tiny: Tiny) -> None:
    tiny.service("bank-a", LAB_ARM="naive")
    async with ComposeEngine(tiny.root, tiny.load(), [ARM], tiny.root / "logs", tiny.lines.append) as lab:
        for harm in (lab.processes.pause, lab.processes.pause, lab.processes.resume, lab.processes.resume):
            await harm("bank-a")
        with pytest.raises(ProcessFaultError, match="no container of orders-a"):
            await lab.processes.pause("orders-a")
        assert list(lab.processes.names()) == ["bank-a"]
    words = [call.split()[0] for call in docker.calls()]
    assert (words.count("pause"), words.count("unpause")) == (1, 1)


COMPOSE = """\
services:
  front:
    image: {image}
    command: [sleep, "600"]
    init: true
"""


def _real_image() -> str:
    """Return an image that the machine's Docker has, empty where it or its Compose does not answer, or it has none."""
    if shutil.which("docker") is None or _docker("compose", "version") == "":
        return ""
    images = [json.loads(line) for line in _docker("images", "--format", "{{json .}}").splitlines()]
    named = [f"{one['Repository']}:{one['Tag']}" for one in images if "python" in one["Repository"]]
    return named[0] if named else ""


def _docker(*words: str) -> str:
    try:
        told = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return told.stdout if told.returncode == 0 else ""


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Project]:
    """Return a project of one container on the machine's own Docker, gone after the test."""
    image = await asyncio.to_thread(_real_image)
    if not image:
        pytest.skip("no Docker with Compose and a Python image answers: start it, and `docker pull python:3.13-slim`")
    (tmp_path / "compose.yaml").write_text(COMPOSE.format(image=image))
    project = Project(tmp_path, f"chaoslab-test-{os.getpid()}", os.environ)
    try:
        assert await project.up(tmp_path / "up.log") == 0, (tmp_path / "up.log").read_text()
        yield project
    finally:
        assert await project.down() == ()


async def test_a_real_container_is_killed_started_paused_and_let_go_on(real: Project) -> None:
    """Every change is seen in what Docker says of it, and the watch hears of the one end, and of no failure."""
    expected: set[str] = set()
    containers = {one.service: one.name for one in await real.containers()}
    processes = ComposeProcesses(real, containers, expected, {})
    watch = asyncio.create_task(watch_ends(real, SystemClock().wall(), expected))
    before = await processes.life("front")

    await processes.kill("front")
    (container,) = await real.containers()
    assert (container.running, container.exit_code) == (False, 137)
    await processes.start_again("front")
    after = await processes.life("front")
    assert after.identity != before.identity
    assert after.began > before.began
    assert await until(lambda: not expected, 0.05, 20)

    await processes.pause("front")
    (container,) = await real.containers()
    assert container.paused
    await processes.resume("front")
    (container,) = await real.containers()
    assert (container.paused, container.running) == (False, True)
    assert await processes.life("front") == after

    await processes.pause("front")
    assert not watch.done()
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    # What a lab that was killed leaves: a container that stands still is removed as any other.
    assert await real.down() == ()
