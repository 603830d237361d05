"""Which class plays a component: the one place that knows them all."""

import aiohttp

from chaos.engines.components import find_provider
from chaos.engines.grafana import GrafanaServer
from chaos.engines.kafka import KafkaServer, TansuServer
from chaos.engines.mysql import MariaDBServer
from chaos.engines.postgres import PostgresServer
from chaos.engines.prometheus import PrometheusServer
from chaos.engines.servers import RedisServer, Server, ToxiproxyServer
from chaos.engines.topology import ServiceSpec, Topology
from chaos.engines.workspace import Workspace


def player(
    spec: ServiceSpec, workspace: Workspace, topology: Topology, http: aiohttp.ClientSession, nice: int
) -> Server:
    """Return what plays a component here, not started; raises ComponentMissing, TopologyError."""
    if spec.component is None:
        raise TypeError(f"{spec.name} is no component")
    provider = find_provider(spec.component, workspace.root, workspace.env)
    match spec.component:
        case "postgres":
            return PostgresServer(spec, provider, workspace, topology.configs)
        case "redis":
            return RedisServer(spec, provider, workspace)
        case "toxiproxy":
            return ToxiproxyServer(spec, provider, workspace, topology, http=http, nice=nice)
        case "kafka":
            return (TansuServer if provider.tansu else KafkaServer)(spec, provider, workspace, nice=nice)
        case "mysql":
            return MariaDBServer(spec, provider, workspace, topology.configs)
        case "prometheus" | "grafana" as name:
            watching = PrometheusServer if name == "prometheus" else GrafanaServer
            return watching(spec, provider, workspace, topology.configs, http=http, nice=nice)
