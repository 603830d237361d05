"""Real stores, real brokers, and the services on real sockets in this process, each on a port of its own."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.integration.services.brokers import broker, kafka_broker, tansu_broker
from tests.integration.services.databases import clean_cache, database, servers
from tests.integration.services.mariadb import mariadb, mysql_url
from tests.integration.services.notifying import notifications
from tests.integration.services.serving import serve
from tests.integration.services.shop import open_shop
from tests.integration.services.wires import wire

# The fixtures of this folder.
__all__ = [
    "broker", "clean_cache", "database", "eventually", "kafka_broker", "mariadb", "mysql_url", "notifications",
    "open_shop", "serve", "servers", "tansu_broker", "wire",
]  # fmt: skip


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    """Return a function that waits until an asked condition holds, and fails after a while."""

    async def wait(condition: Callable[[], Awaitable[bool]], *, within_s: float = 20) -> None:
        async with asyncio.timeout(within_s):
            while not await condition():  # noqa: ASYNC110 -- what changes is another process or a clock: nobody sets an event
                await asyncio.sleep(0.05)

    return wait
