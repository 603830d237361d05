"""However the lab process ends, nothing of it stays: each ending is done to a real lab process."""

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from chaos.engines.leftovers import stop_lab
from chaos.engines.liveness import Identity, identify
from chaos.engines.state import live_lab
from tests.integration.engines.tiny import LabProcess, Tiny, alive, wait_for

pytestmark = pytest.mark.integration

StartLab = Callable[..., LabProcess]


def with_stray(tiny: Tiny) -> None:
    """Fill the topology: two services, one of which has a child in a session of its own that ignores SIGTERM."""
    tiny.service("front", after=["back"])
    tiny.service("back", STRAY=str(tiny.root / "stray.pid"))


def stray_of(tiny: Tiny) -> Identity:
    """Return the child that called setsid."""
    wait_for((tiny.root / "stray.pid").exists)
    return identify(int((tiny.root / "stray.pid").read_text()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_process(tiny: Tiny, start_lab: StartLab, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and a closed terminal end services, the setsid'd grandchild, data and state."""
    with_stray(tiny)
    lab = start_lab(tiny)
    family, stray = lab.family(), stray_of(tiny)

    lab.process.send_signal(number)
    lab.process.wait(20)

    assert stray in family
    assert len(family) == 3
    assert alive(family) == set()
    assert tiny.nothing_left()


def test_two_ctrl_c_leave_no_process(tiny: Tiny, start_lab: StartLab) -> None:
    """A second Ctrl-C while the lab waits for a deaf service ends the waiting, not the cleaning."""
    tiny.service("front", DEAF="1", STRAY=str(tiny.root / "stray.pid"))
    lab = start_lab(tiny)
    family = lab.family()

    lab.process.send_signal(signal.SIGINT)
    with pytest.raises(Exception, match="timed out"):
        lab.process.wait(0.5)
    lab.process.send_signal(signal.SIGINT)
    lab.process.wait(20)

    assert len(family) == 2
    assert alive(family) == set()
    assert tiny.nothing_left()


def test_an_exception_in_the_body_leaves_no_process(tiny: Tiny, start_lab: StartLab) -> None:
    """An exception inside the context passes through after everything has ended."""
    with_stray(tiny)
    lab = start_lab(tiny, "raise")

    lab.process.wait(30)

    assert "ValueError: the body failed" in lab.text()
    assert not stray_of(tiny).alive()
    assert tiny.nothing_left()


async def test_a_killed_lab_takes_its_children_along(tiny: Tiny, start_lab: StartLab) -> None:
    """SIGKILL: the kernel ends the children at once, the next start ends the setsid'd grandchild and says so."""
    with_stray(tiny)
    lab = start_lab(tiny)
    family, stray = lab.family(), stray_of(tiny)

    lab.process.kill()
    lab.process.wait(20)
    wait_for(lambda: alive(family) <= {stray})

    assert stray.alive()
    (tiny.root / "stray.pid").unlink()
    async with tiny.engine():
        assert not stray.alive()
        assert any(f"(pid {stray.pid})" in line and f"pid {lab.process.pid}" in line for line in tiny.lines)
        assert any("removed the data of a killed lab" in line for line in tiny.lines)
    assert not stray_of(tiny).alive()
    assert tiny.nothing_left()


def sleeping() -> subprocess.Popen[bytes]:
    """Start a process of nobody's lab."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)


async def test_a_pid_that_is_somebody_elses_by_now_is_left_alone(tiny: Tiny, start_lab: StartLab) -> None:
    """Leftovers count only where pid and start match: a process that merely has the pid lives on."""
    tiny.service("front")
    lab = start_lab(tiny)
    lab.family()
    lab.process.kill()
    lab.process.wait(20)
    path = tiny.root / ".lab" / "state.json"
    state = tiny.state()
    assert state is not None
    with sleeping() as bystander:
        try:
            child = state.children[0].model_copy(update={"pid": bystander.pid})
            path.write_text(state.model_copy(update={"children": (child,)}).model_dump_json())

            async with tiny.engine():
                assert bystander.poll() is None
        finally:
            bystander.kill()


async def test_lab_down_ends_a_lab_of_another_process(tiny: Tiny, start_lab: StartLab) -> None:
    """`stop_lab` ends the lab that runs in this checkout as Ctrl-C does, and finds none afterwards."""
    with_stray(tiny)
    lab = start_lab(tiny)
    family = lab.family()
    up = live_lab(tiny.root)
    assert up is not None
    assert up.pid == lab.process.pid
    assert [(child.name, child.url is not None) for child in up.children] == [("back", True), ("front", True)]

    stopped = await stop_lab(tiny.root, timeout_s=20)

    assert stopped is not None
    assert stopped.pid == lab.process.pid
    assert alive(family) == set()
    assert tiny.nothing_left()
    assert await stop_lab(tiny.root, timeout_s=20) is None
