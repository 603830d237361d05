"""The lab's client of Toxiproxy: toxiproxy-python, made fit for a lab.

What it adds: a bound on every call, errors as ToxiproxyError, several servers side by side, toxics read back, quoted
names. The package blocks, so each call runs in a thread. A caller that gives up leaves its request running there;
`settled` waits for such requests, so that a heal can know that no late toxic follows it.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import requests
import toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from chaos.errors import ToxiproxyError
from chaos.toxiproxy.consumer import Consumer, ServerError, Target, extensions, reason, sending_to

T = TypeVar("T")

# One run has at most three arms, and a fault seldom more than two links.
THREADS = 8


@dataclass(frozen=True)
class ToxicState:
    """A toxic as the server reports it; attributes in Toxiproxy's units."""

    name: str
    type: str
    stream: str
    toxicity: float
    attributes: Mapping[str, int | float]


@dataclass(frozen=True)
class Proxy:
    """A proxy as the server reports it."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[ToxicState, ...]


class ToxiproxyClient:
    """One server. Every method raises ToxiproxyError: refused, not answered within `timeout_s`, or not understood."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ToxiproxyError(f"Toxiproxy's address must look like http://127.0.0.1:8474, not {url!r}")
        if timeout_s <= 0:
            raise ToxiproxyError(f"timeout_s of a Toxiproxy client must be above 0, not {timeout_s}")
        self._target = Target(url.rstrip("/"), timeout_s)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="toxiproxy")
        self._under_way: set[Future[Any]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def version(self) -> str:
        """Return the server's version, such as `2.12.0`."""
        # Toxiproxy.version() asks twice, the first time without a bound, and returns the body undecoded.
        return await self._call("version", lambda: str(Consumer.get("/version").json()["version"]))

    async def proxies(self) -> dict[str, Proxy]:
        """Return all proxies by name, with their toxics, as of one instant."""
        # Toxiproxy.proxies() drops the toxics; asking for them proxy by proxy would mix instants.
        return await self._call("list proxies", lambda: _proxies(Consumer.get("/proxies").json()))

    async def add_toxic(
        self,
        proxy: str,
        *,
        name: str,
        type: str,  # noqa: A002 - Toxiproxy's word, as a keyword only
        stream: str,
        toxicity: float,
        attributes: Mapping[str, int],
        ttl_s: float = 0.0,
    ) -> None:
        """Add a toxic to a proxy; open connections feel it too.

        With a `ttl_s` above 0 it takes itself out after that, on a server that knows the extension; others ignore it.
        """
        # Proxy.add_toxic() of the package sends no field but the original's five.
        toxic = {"name": name, "type": type, "stream": stream, "toxicity": toxicity, "attributes": dict(attributes)}
        wanted = {**toxic, "ttl_s": ttl_s} if ttl_s > 0 else toxic
        path = f"/proxies/{_quoted(proxy)}/toxics"
        await self._call(f"add toxic {name} to {proxy}", lambda: Consumer.post(path, json=wanted).json())

    async def extensions(self) -> frozenset[str]:
        """Return what the server can do beyond Toxiproxy, fields and types of toxics; empty for the original."""
        return await self._call("ask for extensions", extensions)

    async def remove_toxic(self, proxy: str, name: str) -> None:
        """Take a toxic out of a proxy."""
        handle = _handle(proxy)
        await self._call(f"remove toxic {name} from {proxy}", lambda: handle.destroy_toxic(_quoted(name)))

    async def set_enabled(self, proxy: str, enabled: bool, ttl_s: float = 0.0) -> None:
        """Let a proxy listen, or refuse connections and cut those that it has; for `ttl_s` as for a toxic."""
        wanted = {"enabled": enabled, **({"ttl_s": ttl_s} if ttl_s > 0 else {})}
        path = f"/proxies/{_quoted(proxy)}"
        await self._call(
            f"{'enable' if enabled else 'disable'} {proxy}", lambda: Consumer.post(path, json=wanted).json()
        )

    async def reset(self) -> None:
        """Enable every proxy and take out every toxic."""
        await self._call("reset", toxiproxy.Toxiproxy().reset)

    async def settled(self) -> None:
        """Wait until no request of this client is under way, those of cancelled callers included.

        Raises:
            ToxiproxyError: the server has not answered one within twice the bound.
        """
        # A request may take the bound twice, to connect and to answer.
        deadline_s = 2 * self._target.timeout_s
        pending = await asyncio.to_thread(lambda: wait(list(self._under_way), timeout=deadline_s).not_done)
        if pending:
            raise self._error(f"{len(pending)} requests have had no answer", None)

    async def close(self) -> None:
        """Give the threads back; one that waits for an answer ends at its own bound."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _call(self, what: str, work: Callable[[], T]) -> T:
        future = self._threads.submit(sending_to, self._target, work)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        answer = asyncio.wrap_future(future)
        answer.add_done_callback(_heard)
        try:
            # The shield leaves a request that has begun to its thread; cancelling could only drop one that has not.
            async with asyncio.timeout(self._target.timeout_s):
                return await asyncio.shield(answer)
        except (TimeoutError, requests.Timeout) as error:
            raise self._error(f"{what}: no answer within {self._target.timeout_s:g} s", error) from error
        except (NotFound, ProxyExists, InvalidToxic, ServerError) as error:
            raise self._error(f"{what}: {reason(error)}", error) from error
        except requests.ConnectionError as error:
            raise self._error(f"{what}: cannot be reached", error) from error
        except (requests.RequestException, AttributeError, LookupError, TypeError, ValueError) as error:
            raise self._error(f"{what}: answered with something else than Toxiproxy's JSON", error) from error

    def _error(self, text: str, cause: BaseException | None) -> ToxiproxyError:
        error = ToxiproxyError(f"Toxiproxy at {self._target.url}: {text}")
        error.__cause__ = cause
        return error


def _heard(answer: "asyncio.Future[Any]") -> None:
    """Take note of how a request ended whose caller has left, or asyncio would print its error as nobody's."""
    if not answer.cancelled():
        answer.exception()


def _quoted(name: str) -> str:
    """Return a name as one piece of a path; the package puts names into paths as they are."""
    return quote(name, safe="")


def _handle(proxy: str) -> Any:
    """Return the package's Proxy of a name without listing all proxies first; only its name is used."""
    return toxiproxy.Proxy(name=_quoted(proxy), upstream="", listen="", enabled=True)


def _proxies(listing: dict[str, dict[str, Any]]) -> dict[str, Proxy]:
    return {
        name: Proxy(
            name=name,
            listen=proxy["listen"],
            upstream=proxy["upstream"],
            enabled=proxy["enabled"],
            toxics=tuple(_toxic(toxic) for toxic in proxy["toxics"]),
        )
        for name, proxy in listing.items()
    }


def _toxic(toxic: dict[str, Any]) -> ToxicState:
    return ToxicState(toxic["name"], toxic["type"], toxic["stream"], toxic["toxicity"], toxic["attributes"])
