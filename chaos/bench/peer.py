"""The server at the far end of the proxy: `python -m chaos.bench.peer ECHO_PORT STREAM_PORT`.

One port sends back what it gets. The other is told how many bytes to send (8 bytes, big-endian) and sends them as fast
as they are taken. It does next to nothing, so that what is measured is the way to it.
"""

import asyncio
import sys
from typing import cast

import uvloop

CHUNK = bytes(256 * 1024)


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)  # a stream server makes no other kind

    def data_received(self, data: bytes) -> None:
        """Send it back at once."""
        self._transport.write(data)


async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send as many bytes as asked for, until the other side has had enough."""
    try:
        while True:
            left = int.from_bytes(await reader.readexactly(8), "big")
            while left > 0:
                writer.write(CHUNK[:left])
                left -= len(CHUNK)
                await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve(echo_port: int, stream_port: int) -> None:
    """Serve until the process is stopped."""
    echoing = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", echo_port)
    streaming = await asyncio.start_server(stream, "127.0.0.1", stream_port)
    async with echoing, streaming:
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
