"""What has passed, for /metrics: counters outlive connections, toxics and proxies, as a counter must."""

from dataclasses import dataclass, field

from chaos.toxiproxy.server.toxics.base import Tally


@dataclass(frozen=True)
class Way:
    """A proxy as it was when a connection was made; addresses may change later."""

    proxy: str
    listener: str
    upstream: str


@dataclass
class Traffic:
    """Bytes read from one side and written to the other, in one direction of one way."""

    received: int = 0
    sent: int = 0

    def add(self, other: "Traffic") -> None:
        """Count what another has counted too."""
        self.received += other.received
        self.sent += other.sent


@dataclass
class Connections:
    """Connections of one way, ever and now."""

    total: int = 0
    active: int = 0


@dataclass
class Meter:
    """All counters of a server. Keys: (way, direction); way; (proxy, toxic, type, stream)."""

    traffic: dict[tuple[Way, str], Traffic] = field(default_factory=dict)
    connections: dict[Way, Connections] = field(default_factory=dict)
    toxics: dict[tuple[str, str, str, str], Tally] = field(default_factory=dict)

    def traffic_of(self, way: Way, direction: str) -> Traffic:
        """Return the counters of one direction."""
        return self.traffic.setdefault((way, direction), Traffic())

    def connections_of(self, way: Way) -> Connections:
        """Return the counters of a way's connections."""
        return self.connections.setdefault(way, Connections())

    def tally_of(self, proxy: str, toxic: str, kind: str, stream: str) -> Tally:
        """Return the counters of a toxic; one of the same name and type goes on with those of its forerunner."""
        return self.toxics.setdefault((proxy, toxic, kind, stream), Tally())
