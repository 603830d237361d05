"""The servers of a benchmark: child processes, each with one owner that stops it however the benchmark ends."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from chaos.engines.adoption import dying_with_parent
from chaos.errors import StartFailed

START_WITHIN_POLLS = 400
POLL_S = 0.05
STOP_WITHIN_S = 3.0


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def python_child(arguments: Sequence[str], *, port: int, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run `python ARGUMENTS` for the time of the block; yields its pid once something answers on `port`.

    Raises StartFailed, with the end of what it printed, where it ends or is not ready within 20 s.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own modules
            [*dying_with_parent(signal.SIGKILL, None), sys.executable, *arguments],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            if not _becomes_ready(process, port):
                output.seek(0)
                said = output.read().decode(errors="replace").strip()[-1000:]
                raise StartFailed(f"python {' '.join(arguments)} does not answer on port {port}\n{said}")
            yield process.pid
        finally:
            _stop(process)


def _becomes_ready(process: "subprocess.Popen[bytes]", port: int) -> bool:
    for _ in range(START_WITHIN_POLLS):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=POLL_S).close()
        except OSError:
            pass
        else:
            return True
        try:
            process.wait(timeout=POLL_S)
        except subprocess.TimeoutExpired:
            continue
        return False
    return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
