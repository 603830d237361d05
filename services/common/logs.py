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

    def line(self, level: str, **fields: Any) -> None:
        """Write one line. One write call a line, so that lines of a killed process are whole."""
        time = datetime.fromtimestamp(self._clock.wall(), UTC).isoformat(timespec="milliseconds")
        record = {"time": time, "level": level, **self._always, **fields}
        self._stream.write(json.dumps(record, default=str) + "\n")
        self._stream.flush()
