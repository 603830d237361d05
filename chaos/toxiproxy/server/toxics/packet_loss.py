"""packet_loss: whole chunks vanish, nothing is sent again. It breaks the byte stream, as no network under TCP does.

The original has it on its main branch only, in no release.
"""

from dataclasses import dataclass
from typing import Any

from chaos.toxiproxy.server.bodies import Fields
from chaos.toxiproxy.server.toxics.attributes import Attributes, refuse_unless_within
from chaos.toxiproxy.server.toxics.base import Bench, Sink, Stage, Toxic


@dataclass(frozen=True)
class PacketLossAttributes(Attributes):
    """`loss_rate` is the share of chunks; `correlation` is added to it after a chunk that was lost. Both 0 to 1."""

    loss_rate: float = 0.0
    correlation: float = 0.0

    @classmethod
    def value(cls, given: Fields, name: str, default: Any) -> Any:
        """Return one attribute. Raises ApiError."""
        return given.double(name, default)

    def check(self) -> None:
        """Refuse shares outside 0 to 1. Raises ApiError."""
        for name in ("loss_rate", "correlation"):
            refuse_unless_within(name, getattr(self, name), 0, 1)


class PacketLossStage(Stage[PacketLossAttributes]):
    """Roll for each chunk."""

    def __init__(self, toxic: Toxic, bench: Bench, sink: Sink) -> None:
        super().__init__(toxic, bench, sink)
        self._lost_one = False

    def on_data(self, data: bytes, at_s: float) -> None:
        """Pass the chunk or lose it. A rate of 0 loses nothing, whatever the correlation."""
        given = self.attributes
        share = given.loss_rate + (given.correlation if self._lost_one else 0.0)
        self._lost_one = given.loss_rate > 0 and self.bench.rng.random() < share
        if not self._lost_one:
            self.sink.feed(data, at_s)
