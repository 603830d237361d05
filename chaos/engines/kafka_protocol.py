"""One exchange in Kafka's own protocol: which brokers are there. A broker that only listens is not ready yet.

Written out by hand: a client library asks more, repeats itself and keeps a state, all for a question of 21 bytes.
"""

import asyncio
import struct
from contextlib import suppress

METADATA, VERSION = 3, 1
# Brokers answer a few hundred bytes where no topic is asked for.
_LONGEST = 2**16
# Size, key, version, correlation, client id "lab", and no topic at all.
_BODY = struct.pack(">hhih3si", METADATA, VERSION, 1, 3, b"lab", 0)
REQUEST = struct.pack(">i", len(_BODY)) + _BODY


class NotKafka(ValueError):
    """What came is no answer to the question."""


def brokers(answer: bytes) -> int:
    """Return how many brokers a Metadata answer (without its size) names; 0 where none is the controller.

    Raises NotKafka.
    """
    try:
        correlation, count = struct.unpack_from(">ii", answer, 0)
        place = 8
        for _ in range(count):
            (host,) = struct.unpack_from(">h", answer, place + 4)
            place += 4 + 2 + host + 4
            (rack,) = struct.unpack_from(">h", answer, place)
            place += 2 + max(rack, 0)
        (controller,) = struct.unpack_from(">i", answer, place)
    except struct.error as error:
        raise NotKafka(f"{len(answer)} bytes that end too early") from error
    if correlation != 1 or count < 0:
        raise NotKafka(f"an answer to another question: {correlation}")
    return count if controller >= 0 else 0


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Ask on an open connection and return how many brokers there are; raises NotKafka, OSError, EOFError."""
    writer.write(REQUEST)
    (size,) = struct.unpack(">i", await reader.readexactly(4))
    if not 0 < size <= _LONGEST:
        raise NotKafka(f"an answer of {size} bytes")
    return brokers(await reader.readexactly(size))


async def serves(host: str, port: int, *, within_s: float) -> bool:
    """Return whether a broker that is ready answers there."""
    with suppress(OSError, TimeoutError, EOFError, NotKafka):
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                return await exchange(reader, writer) > 0
            finally:
                writer.close()
    return False
