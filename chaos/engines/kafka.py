"""Kafka as a private, throw-away broker: the real one in KRaft mode, or Tansu, which speaks its protocol from memory.

compose.yaml configures the official image by KAFKA_ variables. The same variables make the file that the real one reads
here, by the image's own rule; Tansu takes only the addresses from them.

Neither is asked to end: their data goes with the lab, and with clients connected Tansu takes 5 s for a SIGTERM.
"""

import re
import signal
from pathlib import Path

from chaos.engines.addresses import LOOPBACK, split_address
from chaos.engines.components import Provider
from chaos.engines.kafka_protocol import serves
from chaos.engines.processes import Command
from chaos.engines.servers import PROBE_S
from chaos.engines.topology import ServiceSpec
from chaos.engines.workspace import Workspace
from chaos.errors import TopologyError

PREFIX = "KAFKA_"
CLUSTER_ID = "CLUSTER_ID"
HEAP = "KAFKA_HEAP_OPTS"
# One processor's worth of garbage collector and compiler: a broker of a lab shares two of them with all else.
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
FORMAT_JVM = ("-Xmx64m", *JVM)
FORMAT_S = 30.0
_LISTENER = re.compile(r"PLAINTEXT://([^,]+)")


class _Broker:
    """What both have in common: where they listen, and how they are asked.

    It steps back behind the load generator as the services do (`nice`): a JVM that starts takes all it can get.
    """

    def __init__(self, spec: ServiceSpec, provider: Provider, workspace: Workspace, *, nice: int) -> None:
        if spec.mounts or spec.command:
            raise TopologyError(f"{spec.name}: the local engine configures Kafka by its environment only")
        if unknown := sorted(name for name in spec.environment if not name.startswith(PREFIX) and name != CLUSTER_ID):
            raise TopologyError(f"{spec.name}: the local engine does not know {', '.join(unknown)}")
        self._spec, self.provider, self._workspace, self._nice = spec, provider, workspace, nice
        self._listens = _address(spec, "KAFKA_LISTENERS")
        self._port = split_address(self._listens)[1]

    async def answers(self) -> bool:
        """Return whether it names a broker and a controller."""
        return await serves(LOOPBACK, self._port, within_s=PROBE_S)

    async def initialise(self) -> None:
        """Do nothing: whoever uses a topic makes it."""

    async def version(self) -> str:
        """Return what the program says of itself."""
        return self.provider.version

    def _command(self, *argv: str, folder: Path, name: str = "") -> Command:
        return Command(
            name=name or self._spec.name,
            argv=argv,
            environment=self._workspace.machine_environment(),
            folder=folder,
            log=self._workspace.log(self._spec.name),
            nice=self._nice,
            stop_signal=signal.SIGKILL,
        )


class KafkaServer(_Broker):
    """The real one, broker and controller in one process. The provider's program ends with its class."""

    async def command(self) -> Command:
        """Write its file, format its storage and return how to start it; raises StartFailed."""
        folder = self._workspace.data(self._spec.name)
        file = folder / "server.properties"
        file.write_text(_properties(self._spec, folder / "log"), encoding="utf-8")
        java, *path, main = self.provider.program
        cluster = self._spec.environment.get(CLUSTER_ID, "")
        words = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(file))
        form = self._command(java, *FORMAT_JVM, *path, *words, folder=folder, name=f"{self._spec.name} format")
        await self._workspace.supervisor.run(form, FORMAT_S)
        heap = self._spec.environment.get(HEAP, "").split()
        return self._command(java, *heap, *JVM, *path, main, str(file), folder=folder)


class TansuServer(_Broker):
    """Tansu with its storage in memory: what it was told is gone with it, also where a fault kills it."""

    async def command(self) -> Command:
        """Return how to start it."""
        words = (
            "--listener-url", f"tcp://{self._listens}",
            "--advertised-listener-url", f"tcp://{_address(self._spec, 'KAFKA_ADVERTISED_LISTENERS')}",
            "--storage-engine", "memory://tansu/",
        )  # fmt: skip
        folder = self._workspace.data(self._spec.name)
        return self._command(*self.provider.program, *words, folder=folder)


def _address(spec: ServiceSpec, variable: str) -> str:
    """Return host:port of the one listener that clients use; raises TopologyError."""
    found = _LISTENER.search(spec.environment.get(variable, ""))
    try:
        host, _ = split_address(found[1] if found else "")
    except ValueError as error:
        raise TopologyError(f"{spec.name}: {variable} names no PLAINTEXT://host:port") from error
    if found is None or host != LOOPBACK:
        raise TopologyError(f"{spec.name}: {variable}: {host} is no service of this file")
    return found[1]


def _properties(spec: ServiceSpec, data: Path) -> str:
    """Return server.properties from the variables: KAFKA_NODE_ID is node.id, two underlines are one, three a hyphen."""
    lines = {}
    for variable, value in spec.environment.items():
        if variable not in {CLUSTER_ID, HEAP}:
            name = variable.removeprefix(PREFIX).lower().replace("_", ".").replace("...", "-").replace("..", "_")
            lines[name] = value
    # Java reads a backslash in it as an escape; everything else of a path stands for itself.
    lines["log.dirs"] = str(data).replace("\\", "\\\\")
    return "".join(f"{name}={value}\n" for name, value in lines.items())
