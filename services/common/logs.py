"""Logs as one JSON object a line, cheap enough for every request: no logging tree, and one write for many requests."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any, TextIO

from resilience import SystemClock

# A write of its own is a third of what a request costs here. A process that is killed loses the lines of this time.
WRITTEN_WITHIN_S = 0.05


class JsonLog:
    """Writes lines to `stream`; each carries time, level, service and arm. The stream is the caller's to close.

    What is worth a look is written at once; lines of requests that went well wait for each other. Belongs to one event
    loop, and before there is one every line is written at once.
    """

    def __init__(self, stream: TextIO, clock: SystemClock, *, service: str, arm: str) -> None:
        self._stream = stream
        self._clock = clock
        self._always = {"service": service, "arm": arm}
        # What the lines of a route have in common, and the text of a whole second, are made once.
        self._heads: dict[tuple[str, str, int], str] = {}
        self._second = 0
        self._second_text = ""
        self._waiting: list[str] = []

    def line(self, level: str, **fields: Any) -> None:
        """Write one line, after those that wait."""
        record = {"time": self._time(self._clock.wall()), "level": level, **self._always, **fields}
        self._waiting.append(json.dumps(record, default=str))
        self.flush()

    def request(
        self, level: str, key: tuple[str, str, int], *, request_id: str, duration_s: float, wall_s: float
    ) -> None:
        """Take the line of an answered request; `key` is (method, route, status), the id is harmless inside quotes.

        The same fields as by `line`, put together by hand: json.dumps takes twice as long as everything else here.
        """
        head = self._heads.get(key)
        if head is None:
            method, route, status = key
            head = json.dumps({"level": level, **self._always, "method": method, "route": route, "status": status})
            head = self._heads[key] = head[1:-1]
        self._waiting.append(
            f'{{"time": "{self._time(wall_s)}", {head}, "request_id": "{request_id}",'
            f' "duration_ms": {duration_s * 1000:.2f}}}'
        )
        if level != "info" or not self._later():
            self.flush()

    def flush(self) -> None:
        """Write what waits, in one call, so that lines of a killed process are whole."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._stream.write("\n".join(waiting) + "\n")
            self._stream.flush()

    def _later(self) -> bool:
        """See to it that what waits is written in time; returns whether somebody will."""
        if len(self._waiting) == 1:
            try:
                asyncio.get_running_loop().call_later(WRITTEN_WITHIN_S, self.flush)
            except RuntimeError:
                return False
        return True

    def _time(self, wall_s: float) -> str:
        second = int(wall_s)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._second_text}.{int((wall_s - second) * 1000):03d}+00:00"
