"""limit_data: exactly `bytes` bytes pass, then the connection is closed.

They are counted per connection and stream from the moment the toxic meets the connection. An update keeps the count.
"""

from dataclasses import dataclass

from chaos.toxiproxy.server.toxics.attributes import Attributes
from chaos.toxiproxy.server.toxics.base import Bench, Sink, Stage, Toxic


@dataclass(frozen=True)
class LimitDataAttributes(Attributes):
    """Close once `bytes` have passed; at 0 with the first data."""

    bytes: int = 0


class LimitDataStage(Stage[LimitDataAttributes]):
    """Count, cut the chunk that crosses the limit, close."""

    def __init__(self, toxic: Toxic, bench: Bench, sink: Sink) -> None:
        super().__init__(toxic, bench, sink)
        self._passed = 0

    def on_data(self, data: bytes, at_s: float) -> None:
        """Pass what is left of the limit. The limit is looked at with data only, so an update closes nothing."""
        passing = data[: max(self.attributes.bytes - self._passed, 0)]
        if passing:
            self._passed += len(passing)
            self.sink.feed(passing, at_s)
        if self._passed >= self.attributes.bytes:
            self.close()
