"""Logs as one JSON object a line, cheap enough for every request: no logging tree, one write."""

import json
from datetime import UTC, datetime
from typing import Any, TextIO

from resilience import SystemClock


class JsonLog:
    """Writes lines to `stream`; each carries time, level, service and arm. The stream is the caller's to close."""

    def __init__(self, stream: TextIO, clock: SystemClock, *, service: str, arm: str) -> None:
        self._stream = stream
        self._clock = clock
        self._always = {"service": service, "arm": arm}
        # What the lines of a route have in common, and the text of a whole second, are made once.
        self._heads: dict[tuple[str, str, int], str] = {}
        self._second = 0
        self._second_text = ""

    def line(self, level: str, **fields: Any) -> None:
        """Write one line. One write call a line, so that lines of a killed process are whole."""
        record = {"time": self._time(self._clock.wall()), "level": level, **self._always, **fields}
        self._write(json.dumps(record, default=str))

    def request(
        self, level: str, key: tuple[str, str, int], *, request_id: str, duration_s: float, wall_s: float
    ) -> None:
        """Write the line of an answered request; `key` is (method, route, status), the id is harmless inside quotes.

        The same fields as by `line`, put together by hand: json.dumps takes twice as long as everything else here.
        """
        head = self._heads.get(key)
        if head is None:
            method, route, status = key
            head = json.dumps({"level": level, **self._always, "method": method, "route": route, "status": status})
            head = self._heads[key] = head[1:-1]
        self._write(
            f'{{"time": "{self._time(wall_s)}", {head}, "request_id": "{request_id}",'
            f' "duration_ms": {duration_s * 1000:.2f}}}'
        )

    def _time(self, wall_s: float) -> str:
        second = int(wall_s)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._second_text}.{int((wall_s - second) * 1000):03d}+00:00"

    def _write(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()
