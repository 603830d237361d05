"""Toxics of our own that work before a connection is one: they pass all data, and the proxy's door reads them.

`refuse` and `connect_hang` are about new connections only; those that are open go on.
"""

from dataclasses import dataclass

from chaos.toxiproxy.server.toxics.attributes import Attributes
from chaos.toxiproxy.server.toxics.noop import NoopStage


@dataclass(frozen=True)
class RefuseAttributes(Attributes):
    """It has none: a new connection is refused (ECONNREFUSED)."""


@dataclass(frozen=True)
class ConnectHangAttributes(Attributes):
    """It has none: a new connection is neither accepted nor refused; the client's connect timeout has to end it."""


@dataclass(frozen=True)
class ConnectDelayAttributes(Attributes):
    """`delay` ms pass between accepting a client and dialling the upstream; what the client sends waits."""

    delay: int = 0


class DoorStage(NoopStage):
    """Pass everything on, and count nothing: data is not what the toxic works on."""

    def _roll(self) -> bool:
        return False
