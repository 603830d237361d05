"""The toxics of one proxy, and the live links that feel them change."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from chaos.toxiproxy.server.bodies import first_value
from chaos.toxiproxy.server.door import State
from chaos.toxiproxy.server.errors import ApiError, Problem
from chaos.toxiproxy.server.link import Link
from chaos.toxiproxy.server.runtime import Runtime
from chaos.toxiproxy.server.toxic_bodies import STREAMS, Update, check, read_new, read_ttl_s
from chaos.toxiproxy.server.toxics.base import Toxic

log = logging.getLogger(__name__)


class ToxicChain:
    """Toxics in their order of creation, for each stream. Names are unique over both.

    A toxic with a `ttl_s` takes itself out; `on_expired` is called after that.
    """

    def __init__(self, proxy: str, runtime: Runtime, on_expired: Callable[[], None]) -> None:
        self.toxics: dict[str, list[Toxic]] = {stream: [] for stream in STREAMS}
        self._proxy = proxy
        self._runtime = runtime
        self._on_expired = on_expired
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        # A dict keeps the order of connecting, which makes a seeded run repeat its rolls.
        self._links: dict[str, dict[Link, None]] = {stream: {} for stream in STREAMS}

    def attach(self, links: dict[str, Link]) -> None:
        """Let changes reach these links of a connection."""
        for stream, link in links.items():
            self._links[stream][link] = None

    def detach(self, links: dict[str, Link]) -> None:
        """Forget the links of a connection."""
        for stream, link in links.items():
            self._links[stream].pop(link, None)

    def as_json(self) -> list[dict[str, Any]]:
        """Return all toxics, upstream first."""
        return [toxic.as_json() for toxic in self._all()]

    @property
    def door(self) -> State:
        """Return how new connections are to be treated; to refuse outdoes to hang."""
        kinds = {toxic.type for toxic in self._all()}
        return "refused" if "refuse" in kinds else "hanging" if "connect_hang" in kinds else "open"

    def get(self, name: str) -> Toxic:
        """Return a toxic by name. Raises ApiError when there is none."""
        for toxic in self._all():
            if toxic.name == name:
                return toxic
        raise ApiError(Problem.TOXIC_NOT_FOUND)

    def add(self, body: bytes) -> Toxic:
        """Create a toxic from a request body; live connections feel it at once.

        Raises:
            ApiError: body, stream, type, name, attributes, checked in the order of the original.
        """
        taken = {toxic.name for toxic in self._all()}
        toxic = read_new(first_value(body), taken, strict=self._runtime.strict)
        stream = toxic.stream.lower()
        toxic.tally = self._runtime.meter.tally_of(self._proxy, toxic.name, toxic.type, stream)
        self.toxics[stream].append(toxic)
        for link in list(self._links[stream]):
            link.add(toxic)
        self._set_expiry(toxic)
        return toxic

    def update(self, name: str, body: bytes) -> Toxic:
        """Change what the body names of attributes, toxicity and ttl_s; everything else in it is ignored.

        A body that names the ttl_s alone renews it without a new roll of the toxicity.

        Raises:
            ApiError: no such toxic, or a body that cannot be used; nothing has been changed, except under `strict`
                the attributes that could be read.
        """
        toxic = self.get(name)
        update = Update.of(first_value(body), toxic)
        ttl_s = toxic.ttl_s
        try:
            toxicity, attributes = update.read()
            if not self._runtime.strict:
                check(toxic.type, toxicity, attributes)
                ttl_s = read_ttl_s(update.given, toxic.ttl_s)
        except ApiError:
            if self._runtime.strict:
                toxic.attributes = update.salvaged()
            raise
        toxic.toxicity, toxic.attributes, toxic.ttl_s = toxicity, attributes, ttl_s
        if self._runtime.strict or not update.renews_only:
            for link in list(self._links[toxic.stream.lower()]):
                link.update(toxic)
        if "ttl_s" in update.given.values:
            self._set_expiry(toxic)
        return toxic

    def remove(self, name: str) -> None:
        """Take a toxic out. Raises ApiError when there is none."""
        toxic = self.get(name)
        self._forget_expiry(name)
        stream = toxic.stream.lower()
        self.toxics[stream].remove(toxic)
        for link in list(self._links[stream]):
            link.remove(toxic)

    def clear(self) -> None:
        """Take every toxic out."""
        for toxic in self._all():
            self.remove(toxic.name)

    def retire(self) -> None:
        """Let no toxic expire any more: the proxy is gone."""
        for name in list(self._expiries):
            self._forget_expiry(name)

    def _all(self) -> list[Toxic]:
        return [toxic for stream in STREAMS for toxic in self.toxics[stream]]

    def _set_expiry(self, toxic: Toxic) -> None:
        self._forget_expiry(toxic.name)
        if toxic.ttl_s > 0:
            self._expiries[toxic.name] = self._runtime.loop.call_later(toxic.ttl_s, self._expire, toxic.name)

    def _forget_expiry(self, name: str) -> None:
        expiry = self._expiries.pop(name, None)
        if expiry is not None:
            expiry.cancel()

    def _expire(self, name: str) -> None:
        log.info("toxic %s of %s: its ttl is over", name, self._proxy)
        self.remove(name)
        self._on_expired()
