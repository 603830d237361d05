"""How much one connection carries through the embedded proxy."""

import socket

from chaos.bench.measurement import Measurement, interleaved
from chaos.bench.proxied import ways_to_a_peer
from resilience.clock import SystemClock

STREAM_BYTES = 128 * 1_000_000
PATIENCE_S = 5.0


def measure() -> list[Measurement]:
    """Measure the throughput of one stream towards the client."""
    with ways_to_a_peer() as ways:
        proxied, direct = interleaved(
            lambda: megabytes_per_s(ways.stream_proxied), lambda: megabytes_per_s(ways.stream_direct)
        )
    return [Measurement("one stream through the embedded proxy, beside a direct connection", proxied, "MB/s", direct)]


def megabytes_per_s(port: int) -> float:
    """Return the throughput of STREAM_BYTES, in units of 1,000,000 bytes."""
    clock = SystemClock()
    buffer = bytearray(256 * 1024)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        began = clock.now()
        connection.sendall(STREAM_BYTES.to_bytes(8, "big"))
        left = STREAM_BYTES
        while left:
            got = connection.recv_into(buffer, min(left, len(buffer)))
            if not got:
                raise ConnectionError("the peer closed the connection")
            left -= got
        return STREAM_BYTES / (clock.now() - began) / 1e6
