"""The servers of a benchmark never outlive it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from chaos.bench.children import free_port, python_child
from chaos.engines.adoption import setpriv
from chaos.errors import StartFailed

pytestmark = pytest.mark.integration

SERVER = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\nwhile True: s.accept()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER
GONE_WITHIN_S = 10.0


def gone(pid: int) -> bool:
    """Wait, bounded, until a process has ended; a zombie whose parent is no longer ours has."""
    try:
        process = psutil.Process(pid)
        process.wait(GONE_WITHIN_S)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return process.status() == psutil.STATUS_ZOMBIE
    return True


def test_a_child_answers_inside_the_block_and_is_gone_after_it() -> None:
    """The block owns the process."""
    port = free_port()

    with python_child(["-c", SERVER, str(port)], port=port) as pid:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()

    assert gone(pid)


def test_an_error_in_the_block_stops_the_child() -> None:
    """A failing measurement leaves no server behind."""
    port = free_port()
    seen: list[int] = []

    def fail() -> None:
        with python_child(["-c", SERVER, str(port)], port=port) as pid:
            seen.append(pid)
            raise RuntimeError("measuring failed")

    with pytest.raises(RuntimeError, match="measuring failed"):
        fail()
    assert gone(seen[0])


def test_a_child_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Politeness has an end."""
    monkeypatch.setattr("chaos.bench.children.STOP_WITHIN_S", 0.2)
    port = free_port()

    with python_child(["-c", STUBBORN, str(port)], port=port) as pid:
        pass

    assert gone(pid)


def test_a_child_that_ends_at_once_is_told_with_its_last_words() -> None:
    """The reason stands in the message, not in a log that is gone."""
    with (
        pytest.raises(StartFailed, match="no such bank"),
        python_child(["-c", "raise SystemExit('no such bank')"], port=free_port()),
    ):
        pytest.fail("the block must not be entered")


@pytest.mark.skipif(setpriv() is None, reason="needs setpriv --pdeathsig, which this platform lacks")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_end_of_the_benchmark_is_the_end_of_its_child(number: signal.Signals, tmp_path: Path) -> None:
    """Killed, terminated or interrupted: no server stays."""
    port = free_port()
    owner = tmp_path / "owner.py"
    owner.write_text(
        "import signal, sys\n"
        "from chaos.bench.__main__ import _stop\n"
        "from chaos.bench.children import python_child\n"
        "signal.signal(signal.SIGTERM, _stop)\n"
        f"with python_child(['-c', {SERVER!r}, '{port}'], port={port}) as pid:\n"
        "    print(pid, flush=True)\n"
        "    signal.pause()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen([sys.executable, owner], stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            pid = int(process.stdout.readline())

            process.send_signal(number)

            process.wait(GONE_WITHIN_S)
            assert gone(pid)
        finally:
            # Else leaving the block would wait for one that does not end.
            process.kill()
