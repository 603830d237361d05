"""What an idle connection through the embedded proxy holds in memory: services keep pools of them."""

import contextlib
import socket

import psutil

from chaos.bench.measurement import Measurement
from chaos.bench.proxied import ways_to_a_peer

CONNECTIONS = 1_000
PATIENCE_S = 5.0
MB = 1e6


def measure() -> list[Measurement]:
    """Measure the proxy's resident memory under CONNECTIONS connections that have been used once."""
    with ways_to_a_peer() as ways:
        process = psutil.Process(ways.pid)
        before = process.memory_info().rss / MB
        with contextlib.ExitStack() as stack:
            for _ in range(CONNECTIONS):
                one = stack.enter_context(socket.create_connection(("127.0.0.1", ways.echo_proxied), PATIENCE_S))
                one.sendall(b"x")
                if not one.recv(1):
                    raise ConnectionError("the peer closed the connection")
            held = process.memory_info().rss / MB
    return [
        Measurement(
            f"memory of the embedded proxy with {CONNECTIONS:,} idle connections, beside none", held, "MB", before
        )
    ]
