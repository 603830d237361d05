"""noop: a toxic that does nothing, to see the plumbing work and to copy from."""

from dataclasses import dataclass

from chaos.toxiproxy.server.toxics.attributes import Attributes
from chaos.toxiproxy.server.toxics.base import Stage


@dataclass(frozen=True)
class NoopAttributes(Attributes):
    """It has none."""


class NoopStage(Stage[NoopAttributes]):
    """Pass everything on."""

    def on_data(self, data: bytes, at_s: float) -> None:
        """Hand the chunk on."""
        self.sink.feed(data, at_s)
