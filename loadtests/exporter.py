"""Pushes a generator's figures to the relay once a second, so that they stand on the Load board while it sends.

The load never waits for it: each push has half a second, one that fails is forgotten, and only the first failure is
told. Whether a run proves something depends on its records, not on these.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import gevent

from loadtests.exchange import BROKEN, Connections, exchange, resolve

PERIOD_S = 1.0
PUSH_S = 0.5


class Exporter:
    """While its block is open, pushes `render()` as `source` to the relay at `url`; nothing where `url` is None.

    `note` is called at most once, with what is wrong; `now` is monotonic seconds.
    """

    def __init__(
        self, url: str | None, source: str, render: Callable[[], str], note: Callable[[str], None],
        now: Callable[[], float],
    ) -> None:  # fmt: skip
        self._url, self._source = url, source
        self._render, self._note, self._now = render, note, now
        self._connections: Connections | None = None
        self._greenlet: gevent.Greenlet | None = None
        self._noted = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Begin to push."""
        if self._url is not None and self._greenlet is None:
            self._greenlet = gevent.spawn(self._push_again_and_again, self._url)

    def close(self) -> None:
        """End, with a last push of the final figures; takes PUSH_S at most."""
        if self._url is None or self._greenlet is None:
            return
        self._greenlet.kill()
        self._greenlet = None
        self._push(self._url)
        if self._connections is not None:
            self._connections.close()

    def _push_again_and_again(self, url: str) -> None:
        while True:
            began = self._now()
            self._push(url)
            gevent.sleep(max(0.0, PERIOD_S - (self._now() - began)))

    def _push(self, url: str) -> None:
        why = f"no answer within {PUSH_S:g} s"
        try:
            with gevent.Timeout(PUSH_S, exception=False):
                status = self._put(url)
                why = "" if 200 <= status < 300 else f"status {status}"  # noqa: PLR2004  HTTP's own numbers
        except BROKEN as error:
            why = str(error) or type(error).__name__
        if why and not self._noted:
            self._noted = True
            self._note(f"the relay at {url} does not take the figures of the load ({why}); the load goes on without")

    def _put(self, url: str) -> int:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 80
        if self._connections is None:
            self._connections = Connections(resolve(host, port), self._now)
        body = self._render().encode()
        head = (
            f"PUT /sources/{self._source} HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return exchange(self._connections, head.encode("ascii") + body).status
