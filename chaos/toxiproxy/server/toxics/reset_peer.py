"""reset_peer: the connection is reset `timeout` ms after its first data (or its end) in this stream.

A reset (RST) needs SO_LINGER 0 on both sockets. It is set when the toxic acts; under --strict when a connection begins
under the toxic, so that one which was there before gets an ordinary close, as in the original.
"""

from dataclasses import dataclass

from chaos.toxiproxy.server.toxics.attributes import Attributes
from chaos.toxiproxy.server.toxics.base import Bench, Sink, Stage, Toxic

MS = 0.001


@dataclass(frozen=True)
class ResetPeerAttributes(Attributes):
    """Reset after `timeout` ms."""

    timeout: int = 0


class ResetPeerStage(Stage[ResetPeerAttributes]):
    """Wait for the first chunk, drop it and what follows, and close."""

    def __init__(self, toxic: Toxic, bench: Bench, sink: Sink) -> None:
        super().__init__(toxic, bench, sink)
        self._alarm = bench.alarm(self._reset)

    def on_data(self, data: bytes, at_s: float) -> None:  # noqa: ARG002 - dropped
        """Drop the chunk; the first one starts the timer."""
        self._trigger()

    def on_end(self) -> None:
        """Treat the end like a chunk."""
        self._trigger()

    def release(self) -> None:
        """Close at once if data has been dropped: the stream has a hole and must not go on."""
        if self._alarm.pending:
            self._reset()

    def cancel(self) -> None:
        """Stop the timer."""
        self._alarm.cancel()

    def _reset(self) -> None:
        if not self.bench.strict:
            self.bench.reset()
        self.close()

    def _trigger(self) -> None:
        if not self._alarm.pending:
            self._alarm.set(self.bench.now() + max(self.attributes.timeout, 0) * MS)
