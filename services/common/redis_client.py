"""redis-py's asyncio client, with the limits of a link and errors in our words.

Left alone, redis-py 8 tries each command 11 times with 5 s of patience each: 59 s on a dead link. That is what `naive`
shows, so nothing is set here that the profile does not set.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from redis.asyncio import Redis as Client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from resilience import LinkSettings
from services.common.errors import DependencyDownError


class Redis:
    """Owns the client. It connects when it is first used; close() belongs to the lifespan of the process."""

    def __init__(self, url: str, limits: LinkSettings) -> None:
        options: dict[str, Any] = {}
        if limits.connect_timeout_s is not None:
            options["socket_connect_timeout"] = limits.connect_timeout_s
        if limits.command_timeout_s is not None:
            options["socket_timeout"] = limits.command_timeout_s
        if limits.pool_size is not None:
            options["max_connections"] = limits.pool_size
        if limits.library_retries is not None:
            options["retry"] = Retry(NoBackoff(), limits.library_retries)
        self._client: Client = Client.from_url(url, **options)

    async def close(self) -> None:
        """Close the client's connections."""
        await self._client.aclose()

    async def get_both(self, first: str, second: str) -> tuple[bytes | None, bytes | None]:
        """Return two values in one round trip; raises DependencyDownError."""
        with _failing_is_down():
            values: list[bytes | None] = await self._client.mget(first, second)  # type: ignore[assignment]
        return values[0], values[1]

    async def put(self, entries: Mapping[str, tuple[int, int]]) -> None:
        """Set values, each kept for its own seconds, in one round trip; raises DependencyDownError."""
        with _failing_is_down():
            batch = self._client.pipeline(transaction=False)
            for key, (value, kept_s) in entries.items():
                batch.set(key, value, ex=kept_s)
            await batch.execute()

    async def get(self, key: str) -> bytes | None:
        """Return a value; raises DependencyDownError."""
        with _failing_is_down():
            value: bytes | None = await self._client.get(key)  # type: ignore[assignment]
        return value

    async def set(self, key: str, value: bytes, *, kept_s: int) -> None:
        """Set a value, kept for so many seconds; raises DependencyDownError."""
        with _failing_is_down():
            await self._client.set(key, value, ex=kept_s)

    async def ping(self) -> None:
        """Ask the server, for a readiness check; raises DependencyDownError."""
        with _failing_is_down():
            await self._client.ping()


@contextlib.contextmanager
def _failing_is_down() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as exc:
        raise DependencyDownError("redis", str(exc) or type(exc).__name__) from exc
