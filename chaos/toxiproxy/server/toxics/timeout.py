"""timeout: all data is dropped, and the connection closed after a silence.

Every dropped chunk restarts the timer, and taking the toxic out closes every connection that had it, because their data
has holes. Both are the original's behaviour.
"""

from dataclasses import dataclass

from chaos.toxiproxy.server.toxics.attributes import Attributes
from chaos.toxiproxy.server.toxics.base import Bench, Sink, Stage, Toxic

MS = 0.001


@dataclass(frozen=True)
class TimeoutAttributes(Attributes):
    """Close after `timeout` ms without data; 0 or less: never."""

    timeout: int = 0


class TimeoutStage(Stage[TimeoutAttributes]):
    """Drop, and wait."""

    def __init__(self, toxic: Toxic, bench: Bench, sink: Sink) -> None:
        super().__init__(toxic, bench, sink)
        self._alarm = bench.alarm(self.close)

    def begin(self) -> None:
        """Start the timer with the connection, not with its first data."""
        if self.active:
            self._restart()

    def on_data(self, data: bytes, at_s: float) -> None:  # noqa: ARG002 - dropped
        """Drop the chunk."""
        self._restart()

    def on_update(self) -> None:
        """Start the timer anew."""
        self._alarm.cancel()
        self._restart()

    def release(self) -> None:
        """Stop the timer: this connection is spared from now on."""
        self._alarm.cancel()

    def remove(self) -> None:
        """Close the connection, even one that the roll had spared."""
        self.close()

    def cancel(self) -> None:
        """Stop the timer."""
        self._alarm.cancel()

    def _restart(self) -> None:
        if self.attributes.timeout > 0:
            self._alarm.set(self.bench.now() + self.attributes.timeout * MS)
