"""Catalog over HTTP."""

from collections.abc import Mapping
from urllib.parse import urlencode

from resilience import Pipeline
from services.common.http_client import Answer, HttpPeer


class HttpCatalog:
    """Reads only, so each may be repeated."""

    def __init__(self, peer: HttpPeer, pipeline: Pipeline) -> None:
        self._peer = peer
        self._pipeline = pipeline

    async def ask(self, path: str, params: Mapping[str, str]) -> Answer:
        """Ask, and return the answer as it is."""
        query = f"?{urlencode(params)}" if params else ""
        return await self._pipeline.call(lambda: self._peer.send("GET", path + query), idempotent=True)
