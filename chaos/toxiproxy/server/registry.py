"""All proxies of a server, by name; changes happen one after the other."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

from chaos.toxiproxy.server.bodies import Fields, first_value, mismatch
from chaos.toxiproxy.server.errors import ApiError, Problem
from chaos.toxiproxy.server.proxy import Proxy
from chaos.toxiproxy.server.runtime import Runtime
from chaos.toxiproxy.server.toxic_bodies import read_ttl_s

# How the original's messages name what a body is read into.
_PROXY = "value of type toxiproxy.Proxy"
_LISTED = r'struct { toxiproxy.Proxy; Enabled *bool "json:\"enabled\"" }'


def _check_types(given: Fields) -> None:
    """Refuse fields of a wrong type, the first in the order of the body. Raises ApiError."""
    given.check(
        {
            **{name: partial(given.text, name, "") for name in ("name", "listen", "upstream")},
            "enabled": lambda: given.flag("enabled", default=True),
            # A field that the original shows by mistake, and reads by mistake.
            "logger": lambda: given.nested("Logger", owner="", go_type="zerolog.Logger"),
        }
    )


@dataclass(frozen=True)
class _Wanted:
    name: str
    listen: str
    upstream: str
    enabled: bool

    @classmethod
    def read(cls, value: object, *, owner: str, target: str, place: str = "") -> "_Wanted":
        """Return what a JSON object asks for. Raises ApiError."""
        given = Fields.of(value, owner=owner, target=target)
        _check_types(given)
        wanted = cls(
            given.text("name", ""),
            given.text("listen", ""),
            given.text("upstream", ""),
            given.flag("enabled", default=True),
        )
        for field in ("name", "upstream"):
            if not getattr(wanted, field):
                raise ApiError(Problem.MISSING_FIELD, f"{field}{place}")
        return wanted


@dataclass(frozen=True)
class Populated:
    """What /populate did: the proxies it got through, and the error at which it stopped."""

    proxies: list[Proxy]
    error: ApiError | None

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object; an empty list is null, as in the original."""
        body = self.error.body() if self.error else {}
        return {**body, "proxies": [proxy.as_json() for proxy in self.proxies] or None}


class Registry:
    """Owns the proxies; `close` stops them all."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._proxies: dict[str, Proxy] = {}
        self._changing = asyncio.Lock()

    @property
    def runtime(self) -> Runtime:
        """Return what its proxies share."""
        return self._runtime

    def as_json(self) -> dict[str, Any]:
        """Return all proxies by name, sorted."""
        return {name: self._proxies[name].as_json() for name in sorted(self._proxies)}

    def get(self, name: str) -> Proxy:
        """Return a proxy by name. Raises ApiError when there is none."""
        try:
            return self._proxies[name]
        except KeyError:
            raise ApiError(Problem.PROXY_NOT_FOUND) from None

    async def create(self, body: bytes) -> Proxy:
        """Create a proxy from a request body.

        Raises:
            ApiError: body, field, name or address; nothing is left behind.
        """
        wanted = _Wanted.read(first_value(body), owner="Proxy", target=_PROXY)
        async with self._changing:
            if wanted.name in self._proxies:
                raise ApiError(Problem.PROXY_EXISTS)
            return await self._place(wanted)

    async def update(self, name: str, body: bytes) -> Proxy:
        """Change listen, upstream and enabled, as far as the body names them; `ttl_s` ends its being disabled.

        Raises:
            ApiError: no such proxy, then the body, then the address.
        """
        proxy = self.get(name)
        given = Fields.of(first_value(body), owner="Proxy", target=_PROXY)
        _check_types(given)
        async with self._changing:
            enabled = given.flag("enabled", default=proxy.enabled)
            ttl_s = 0.0 if self._runtime.strict else read_ttl_s(given, 0.0)
            await proxy.update(
                given.text("listen", proxy.listen), given.text("upstream", proxy.upstream), enabled=enabled
            )
            proxy.return_after(ttl_s)
        return proxy

    async def delete(self, name: str) -> None:
        """Stop and forget a proxy. Raises ApiError when there is none."""
        async with self._changing:
            await self.get(name).retire()
            del self._proxies[name]

    async def populate(self, body: bytes) -> Populated:
        """Create the proxies of a JSON array, up to the first that fails.

        One that is there with the same addresses is left as it is; one with others is replaced and loses its toxics.
        """
        try:
            value = first_value(body)
            if value is not None and not isinstance(value, list):
                raise mismatch(value, f"value of type []{_LISTED}")
            wanted = [
                _Wanted.read(item, owner=".Proxy", target=f"value of type {_LISTED}", place=f" at proxy {number}")
                for number, item in enumerate(value or (), start=1)
            ]
        except ApiError as error:
            return Populated([], error)
        done: list[Proxy] = []
        async with self._changing:
            for one in wanted:
                try:
                    done.append(await self._place(one))
                except ApiError as error:
                    return Populated(done, error)
        return Populated(done, None)

    async def reset(self) -> None:
        """Enable every proxy and take out every toxic. Raises ApiError part-way, as the original."""
        async with self._changing:
            for proxy in list(self._proxies.values()):
                await proxy.start()
                proxy.chain.clear()
                await proxy.turn_door()

    async def close(self) -> None:
        """Stop every proxy, all at once."""
        await asyncio.gather(*(proxy.retire() for proxy in self._proxies.values()))

    async def _place(self, wanted: _Wanted) -> Proxy:
        existing = self._proxies.get(wanted.name)
        if existing is not None:
            if not await existing.differs(wanted.listen, wanted.upstream):
                return existing
            await existing.retire()
        proxy = Proxy(wanted.name, wanted.listen, wanted.upstream, self._runtime)
        if wanted.enabled:
            await proxy.start()
        self._proxies[wanted.name] = proxy
        return proxy
