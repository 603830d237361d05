"""slow_close: data passes untouched, the end of the stream comes `delay` ms later."""

from dataclasses import dataclass

from chaos.toxiproxy.server.toxics.attributes import Attributes
from chaos.toxiproxy.server.toxics.base import Bench, Sink, Stage, Toxic

MS = 0.001


@dataclass(frozen=True)
class SlowCloseAttributes(Attributes):
    """Pass the end on after `delay` ms."""

    delay: int = 0


class SlowCloseStage(Stage[SlowCloseAttributes]):
    """Hold the end."""

    def __init__(self, toxic: Toxic, bench: Bench, sink: Sink) -> None:
        super().__init__(toxic, bench, sink)
        self._alarm = bench.alarm(self.finish)

    def on_data(self, data: bytes, at_s: float) -> None:
        """Hand the chunk on."""
        self.sink.feed(data, at_s)

    def on_end(self) -> None:
        """Wait; without a delay the end goes on in this call."""
        self._wait()

    def on_update(self) -> None:
        """Wait anew if an end is being held, as the original does."""
        if self._alarm.pending:
            self._alarm.cancel()
            self._wait()

    def release(self) -> None:
        """Pass a held end on at once."""
        if self._alarm.pending:
            self.finish()

    def cancel(self) -> None:
        """Stop the timer."""
        self._alarm.cancel()

    def _wait(self) -> None:
        if self.attributes.delay > 0:
            self._alarm.set(self.bench.now() + self.attributes.delay * MS)
        else:
            self.finish()
