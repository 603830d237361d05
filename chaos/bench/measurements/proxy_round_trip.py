"""What a link costs a small exchange: the embedded proxy is two more hops through one event loop."""

import socket

from chaos.bench.measurement import Measurement, interleaved
from chaos.bench.proxied import ways_to_a_peer
from resilience.clock import SystemClock

MESSAGE = bytes(64)
TRIPS = 2_000
PATIENCE_S = 5.0


def measure() -> list[Measurement]:
    """Measure one round trip of 64 bytes on an open connection."""
    with ways_to_a_peer() as ways:
        proxied, direct = interleaved(lambda: round_trip_us(ways.echo_proxied), lambda: round_trip_us(ways.echo_direct))
    return [Measurement("64-byte echo through the embedded proxy, beside a direct connection", proxied, "us", direct)]


def round_trip_us(port: int) -> float:
    """Return the mean time of TRIPS exchanges, one after the other, in microseconds."""
    clock = SystemClock()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = clock.now()
        for _ in range(TRIPS):
            connection.sendall(MESSAGE)
            left = len(MESSAGE)
            while left:
                got = len(connection.recv(left))
                if not got:
                    raise ConnectionError("the peer closed the connection")
                left -= got
        return (clock.now() - began) / TRIPS * 1e6
