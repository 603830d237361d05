"""Ports for the servers that tests start.

What the system hands out may be given to somebody's outgoing connection before the server listens on it, and tests run
side by side. So each worker counts through a range of its own, below the system's; the lab's own ports lie below both.
"""

import itertools
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

FIRST, EACH, WORKERS = 20_000, 1_500, 8


def _in_turn() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    # Another run on this machine, at the same time, most likely begins elsewhere.
    for at in itertools.count(os.getpid()):
        yield FIRST + worker * EACH + at % EACH


_PORTS = _in_turn()


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens; nobody else of this run is given it soon."""
    for port in itertools.islice(_PORTS, EACH):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("every port is taken")


def wait_until_listening(
    port: int, process: subprocess.Popen[bytes] | None = None, *, within_s: float = 30, log: Path | None = None
) -> None:
    """Wait for a server; fails the test, with the end of the log, where its process ends or does not listen in time."""
    deadline = time.perf_counter() + within_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            said = log.read_text(errors="replace")[-2000:] if log else ""
            assert process is None or process.poll() is None, f"the server on {port} ended: {said}"
            assert time.perf_counter() < deadline, f"nobody listens on {port}: {said}"
            time.sleep(0.02)
        else:
            return
