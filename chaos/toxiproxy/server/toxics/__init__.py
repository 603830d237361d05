"""The toxics: one file each, and the table of their names on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chaos.toxiproxy.server.toxics import latency_distributions as drawn
from chaos.toxiproxy.server.toxics.attributes import Attributes
from chaos.toxiproxy.server.toxics.bandwidth import BandwidthAttributes, BandwidthStage
from chaos.toxiproxy.server.toxics.base import Stage
from chaos.toxiproxy.server.toxics.doors import (
    ConnectDelayAttributes,
    ConnectHangAttributes,
    DoorStage,
    RefuseAttributes,
)
from chaos.toxiproxy.server.toxics.latency import LatencyAttributes, LatencyStage
from chaos.toxiproxy.server.toxics.limit_data import LimitDataAttributes, LimitDataStage
from chaos.toxiproxy.server.toxics.noop import NoopAttributes, NoopStage
from chaos.toxiproxy.server.toxics.packet_loss import PacketLossAttributes, PacketLossStage
from chaos.toxiproxy.server.toxics.reset_peer import ResetPeerAttributes, ResetPeerStage
from chaos.toxiproxy.server.toxics.slicer import SlicerAttributes, SlicerStage
from chaos.toxiproxy.server.toxics.slow_close import SlowCloseAttributes, SlowCloseStage
from chaos.toxiproxy.server.toxics.timeout import TimeoutAttributes, TimeoutStage

Origin = Literal["released", "main branch", "extension"]


@dataclass(frozen=True)
class ToxicType:
    """A kind of toxic. `go_name` is what the original's error messages call its attributes.

    `origin` says where it is known: in the original's release, on its main branch, or here only.
    """

    go_name: str
    attributes: type[Attributes]
    stage: type[Stage[Any]]
    origin: Origin = "released"


TYPES: Mapping[str, ToxicType] = {
    "bandwidth": ToxicType("BandwidthToxic", BandwidthAttributes, BandwidthStage),
    "latency": ToxicType("LatencyToxic", LatencyAttributes, LatencyStage),
    "limit_data": ToxicType("LimitDataToxic", LimitDataAttributes, LimitDataStage),
    "noop": ToxicType("NoopToxic", NoopAttributes, NoopStage),
    "reset_peer": ToxicType("ResetToxic", ResetPeerAttributes, ResetPeerStage),
    "slicer": ToxicType("SlicerToxic", SlicerAttributes, SlicerStage),
    "slow_close": ToxicType("SlowCloseToxic", SlowCloseAttributes, SlowCloseStage),
    "timeout": ToxicType("TimeoutToxic", TimeoutAttributes, TimeoutStage),
    "packet_loss": ToxicType("PacketLossToxic", PacketLossAttributes, PacketLossStage, "main branch"),
    "connect_delay": ToxicType("ConnectDelayToxic", ConnectDelayAttributes, DoorStage, "extension"),
    "connect_hang": ToxicType("ConnectHangToxic", ConnectHangAttributes, DoorStage, "extension"),
    "refuse": ToxicType("RefuseToxic", RefuseAttributes, DoorStage, "extension"),
    "latency_uniform": ToxicType("UniformToxic", drawn.UniformAttributes, drawn.DrawnLatencyStage, "extension"),
    "latency_normal": ToxicType("NormalToxic", drawn.NormalAttributes, drawn.DrawnLatencyStage, "extension"),
    "latency_lognormal": ToxicType("LognormalToxic", drawn.LognormalAttributes, drawn.DrawnLatencyStage, "extension"),
    "latency_pareto": ToxicType("ParetoToxic", drawn.ParetoAttributes, drawn.DrawnLatencyStage, "extension"),
}
EXTENSIONS: tuple[str, ...] = tuple(name for name, kind in TYPES.items() if kind.origin == "extension")
