"""The machine's sampler on the real machine."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from chaos.recording.machine import MachineSampler, memory_of
from resilience.clock import SystemClock
from tests.integration.load.generator import eventually

pytestmark = pytest.mark.integration

MIB = 2**20


@pytest.fixture
def hungry() -> Iterator[int]:
    """Start a process that starts a process that holds 64 MiB, and return the pid of the first."""
    code = "import time; held = b'x' * (64 * 2**20); print('holding', flush=True); time.sleep(60)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    process = subprocess.Popen([sys.executable, "-c", outer], stdout=subprocess.PIPE, process_group=0)
    assert process.stdout is not None
    assert process.stdout.readline() == b"holding\n"
    yield process.pid
    os.killpg(process.pid, 9)
    process.wait()
    process.stdout.close()


def test_what_a_process_has_started_counts_with_it(hungry: int) -> None:
    assert memory_of([hungry]).mib > 64


async def test_the_processors_and_the_memory_are_watched(hungry: int) -> None:
    clock = SystemClock()
    async with MachineSampler(lambda: [hungry], clock=clock) as machine:
        machine.start_of_time(clock.now())
        await eventually(lambda: len(machine.busy_series()) >= 2 and machine.memory_peak is not None)

    share = machine.busy(-1, 60)
    assert share is not None
    assert 0 <= share <= 1
    assert all(0 <= each <= 1 for _, each in machine.busy_series())
    assert machine.memory_peak is not None
    assert machine.memory_peak.mib > 64


async def test_a_window_that_was_not_watched_has_no_share() -> None:
    clock = SystemClock()
    async with MachineSampler(list, clock=clock) as machine:
        machine.start_of_time(clock.now())

    assert machine.busy(100, 200) is None
