"""The toxics: one file each, and the table of their names on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chaos.toxiproxy.server.toxics.bandwidth import BandwidthAttributes, BandwidthStage
from chaos.toxiproxy.server.toxics.base import Attributes, Stage
from chaos.toxiproxy.server.toxics.latency import LatencyAttributes, LatencyStage
from chaos.toxiproxy.server.toxics.noop import NoopAttributes, NoopStage
from chaos.toxiproxy.server.toxics.reset_peer import ResetPeerAttributes, ResetPeerStage
from chaos.toxiproxy.server.toxics.timeout import TimeoutAttributes, TimeoutStage


@dataclass(frozen=True)
class ToxicType:
    """A kind of toxic. `go_name` is what the original's error messages call its attributes."""

    go_name: str
    attributes: type[Attributes]
    stage: type[Stage[Any]]
    resets: bool = False


TYPES: Mapping[str, ToxicType] = {
    "bandwidth": ToxicType("BandwidthToxic", BandwidthAttributes, BandwidthStage),
    "latency": ToxicType("LatencyToxic", LatencyAttributes, LatencyStage),
    "noop": ToxicType("NoopToxic", NoopAttributes, NoopStage),
    "reset_peer": ToxicType("ResetToxic", ResetPeerAttributes, ResetPeerStage, resets=True),
    "timeout": ToxicType("TimeoutToxic", TimeoutAttributes, TimeoutStage),
}
