"""One HTTP/1.1 exchange on a kept-alive connection, with nothing between the customer and the service.

A library's pool queues when it is full and retries a GET whose connection broke. Both would hide from the records what
a customer met, so connections here are opened whenever none is free, and a broken exchange is a failed one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gevent import socket
from geventhttpclient.response import HTTPParseError, HTTPResponse

from loadtests.messages import Answer

BLOCK_BYTES = 16_384
# Below the services' 75 s, so that no connection is reused in the moment in which its server closes it.
IDLE_S = 30.0

BROKEN = (OSError, HTTPParseError)


@dataclass(slots=True)
class Connections:
    """The kept-alive connections to one gateway. Never blocks for a free one; `close` ends those that are idle."""

    address: tuple[str, int]
    now: Callable[[], float]
    idle: list[tuple[socket.socket, float]] = field(default_factory=list)

    def take(self) -> socket.socket:
        """Return a free connection that is still open, else a new one; raises OSError where none can be made."""
        while self.idle:
            # The one used last comes first, so the rest may age and go.
            connection, since = self.idle.pop()
            if self.now() - since < IDLE_S and _is_quiet(connection):
                return connection
            connection.close()
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.connect(self.address)
        except BaseException:
            connection.close()
            raise
        return connection

    def give_back(self, connection: socket.socket) -> None:
        """Keep a connection whose exchange is complete for the next one."""
        self.idle.append((connection, self.now()))

    def close(self) -> None:
        """Close every idle connection."""
        while self.idle:
            self.idle.pop()[0].close()


def resolve(host: str, port: int) -> tuple[str, int]:
    """Return the IPv4 address of a host, so that no exchange waits for a resolver; raises OSError."""
    address = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)[0][4]
    return str(address[0]), port


def exchange(connections: Connections, request: bytes) -> Answer:
    """Send a request and read its whole answer; raises one of BROKEN.

    Without an end of its own: the caller bounds it by a gevent.Timeout. On any exception, that one included, the
    connection is dropped.
    """
    connection = connections.take()
    try:
        connection.sendall(request)
        response = _read(connection)
    except BaseException:
        connection.close()
        raise
    if response.should_close():
        connection.close()
    else:
        connections.give_back(connection)
    retry_after = response.get("retry-after")
    body = bytes(response._body_buffer)  # noqa: SLF001  its read methods belong to the classes that own a socket
    return Answer(response.status_code, body, retry_after if isinstance(retry_after, str) else "")


def _read(connection: socket.socket) -> HTTPResponse:
    response = HTTPResponse()
    while not response.message_complete:
        block = connection.recv(BLOCK_BYTES)
        # An empty block is the end of the stream, which completes an answer without a length.
        response.feed(block)
        if not block and not response.message_complete:
            raise ConnectionResetError("closed before the end of the answer")
    return response


def _is_quiet(connection: socket.socket) -> bool:
    """Return whether an idle connection is open and owes nothing: bytes or an end of stream would say otherwise."""
    connection.settimeout(0.0)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    else:
        return False
    finally:
        connection.settimeout(None)
