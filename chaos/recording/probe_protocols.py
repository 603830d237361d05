"""The cheapest exchange of each protocol, on a connection that is kept.

HTTP and Redis are spoken by hand: a few hundred bytes of code cost a tenth of what a client library does per exchange,
and no pool, retry or reconnect of a library stands between the probe and the link.
"""

import asyncio
import re
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiomysql
import asyncpg
import pymysql

from chaos.engines.kafka_protocol import NotKafka, exchange
from chaos.engines.links import Link

PING = b"*1\r\n$4\r\nPING\r\n"
ALIVE = "/healthz"
READY = "/readyz"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)

# What an exchange or a connect may meet; everything else is a defect of the lab.
BROKEN = (
    OSError,
    EOFError,
    asyncio.LimitOverrunError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    pymysql.MySQLError,
)


class ProtocolError(OSError):
    """The other side answered something else than the protocol's plain yes."""


class Conversation(Protocol):
    """One connection through a link. Methods raise one of BROKEN; afterwards only `close` may be called."""

    async def connect(self) -> None:
        """Open the connection, with all that its protocol asks for before the first exchange."""

    async def exchange(self) -> None:
        """Make one exchange: one round trip."""

    def close(self) -> None:
        """Drop the connection at once, without a farewell that a slow link would hold up."""


class PostgresConversation:
    """`SELECT 1` by the simple query protocol: one message there, one answer back, nothing prepared."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection | None = None

    async def connect(self) -> None:
        """Connect without asking for TLS, which would cost a round trip."""
        self._connection = await asyncpg.connect(self._url, ssl=False)

    async def exchange(self) -> None:
        """Run the query."""
        if self._connection is None:
            raise ProtocolError("not connected")
        await self._connection.execute("SELECT 1")

    def close(self) -> None:
        """Abort the connection."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


class MysqlConversation:
    """`COM_PING`: a packet there, a packet back."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._connection: Any = None

    async def connect(self) -> None:
        """Connect and log in, without a password."""
        parts = self._parts
        self._connection = await aiomysql.connect(
            host=parts.hostname, port=parts.port, user=parts.username, db=parts.path.removeprefix("/") or None
        )

    async def exchange(self) -> None:
        """Ping."""
        if self._connection is None:
            raise ProtocolError("not connected")
        await self._connection.ping(reconnect=False)

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Stream:
    """A TCP connection to host:port."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        """Open the connection."""
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)

    def _send(self, request: bytes) -> asyncio.StreamReader:
        if self._reader is None or self._writer is None:
            raise ProtocolError("not connected")
        self._writer.write(request)
        return self._reader

    def close(self) -> None:
        """Abort the connection."""
        if self._writer is not None:
            self._writer.transport.abort()
            self._reader = self._writer = None


class RedisConversation(_Stream):
    """`PING`."""

    async def exchange(self) -> None:
        """Send PING and expect PONG."""
        answer = await self._send(PING).readuntil(b"\r\n")
        if answer != b"+PONG\r\n":
            raise ProtocolError(f"PING: {answer[:60].decode(errors='replace').strip()}")


class KafkaConversation(_Stream):
    """Which brokers are there, without a topic."""

    async def exchange(self) -> None:
        """Ask for metadata and expect at least one broker."""
        if self._reader is None or self._writer is None:
            raise ProtocolError("not connected")
        try:
            count = await exchange(self._reader, self._writer)
        except NotKafka as error:
            raise ProtocolError(f"Metadata: {error}") from error
        if not count:
            raise ProtocolError("Metadata: no broker is there yet")


class HttpConversation(_Stream):
    """`GET /healthz`, which a service answers without asking anybody else, or another path."""

    def __init__(self, address: str, path: str = ALIVE) -> None:
        super().__init__(address)
        self._path = path
        self._request = f"GET {path} HTTP/1.1\r\nHost: probe\r\nAccept: application/json\r\n\r\n".encode()

    async def exchange(self) -> None:
        """Read one answer to its last byte, so that the next one starts clean."""
        reader = self._send(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length is None:
            raise ProtocolError(f"{self._path}: an answer without Content-Length")
        await reader.readexactly(int(length[1]))
        status = head.split(b" ", 2)[1]
        if status != b"200":
            raise ProtocolError(f"{self._path}: status {status.decode(errors='replace')}")


def conversation(link: Link, database_url: str, *, path: str = ALIVE) -> Conversation:
    """Return the conversation that the callee of a link understands; `database_url` leads through the link.

    `path` is what a callee that speaks HTTP is asked for.
    """
    callee = link.name.rpartition("_to_")[2]
    if callee == "postgres":
        return PostgresConversation(database_url)
    if callee == "redis":
        return RedisConversation(link.listen)
    if callee == "mysql":
        return MysqlConversation(link.url)
    if callee == "kafka":
        return KafkaConversation(link.listen)
    return HttpConversation(link.listen, path)
