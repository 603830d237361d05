"""What Kafka and Tansu are told of compose.yaml's variables, and what is no answer in Kafka's protocol."""

import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from chaos.engines.components import Provider
from chaos.engines.kafka import TansuServer, _properties
from chaos.engines.kafka_protocol import NotKafka, brokers
from chaos.engines.processes import Supervisor
from chaos.engines.topology import ServiceSpec
from chaos.engines.workspace import Workspace
from chaos.errors import TopologyError

LISTENS = {"KAFKA_LISTENERS": "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2",
           "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://127.0.0.1:1"}  # fmt: skip
TANSU = Provider("kafka", "Tansu, a wheel", ("/bin/tansu",), "0.6.0")


def spec(environment: Mapping[str, str], **more: object) -> ServiceSpec:
    plain: dict[str, object] = {
        "name": "kafka", "arm": None, "component": "kafka", "command": (), "environment": environment, "ports": (1,),
        "depends_on": {}, "ready_url": None, "mounts": {},
    }  # fmt: skip
    return ServiceSpec(**{**plain, **more})  # type: ignore[arg-type]


def tansu(folder: Path, one: ServiceSpec) -> TansuServer:
    workspace = Workspace(folder, folder, {}, Supervisor("m", lambda: None), lambda _: None, lambda _: None)
    return TansuServer(one, TANSU, workspace, nice=0)


def test_the_images_variables_are_the_properties_of_the_file() -> None:
    """Its rule: one underscore is a dot, two are one, three a hyphen; the data's place is ours."""
    written = _properties(
        spec({
            "CLUSTER_ID": "x", "KAFKA_HEAP_OPTS": "-Xmx1m", "KAFKA_NODE_ID": "1", "KAFKA_LOG_DIRS": "/var",
            "KAFKA_LISTENER_NAME_A__B_SASL": "y", "KAFKA_A___B": "z",
        }),
        Path("/a lab/log"),
    )  # fmt: skip

    assert written.splitlines() == ["node.id=1", "log.dirs=/a lab/log", "listener.name.a_b.sasl=y", "a-b=z"]


async def test_tansu_gets_the_addresses_and_its_storage_is_memory(tmp_path: Path) -> None:
    command = await tansu(tmp_path, spec(LISTENS)).command()

    assert command.argv == (
        "/bin/tansu", "--listener-url", "tcp://127.0.0.1:1", "--advertised-listener-url", "tcp://127.0.0.1:1",
        "--storage-engine", "memory://tansu/",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "more", "reason"),
    [
        ({"KAFKA_LISTENERS": "PLAINTEXT://kafka:1"}, {}, "KAFKA_LISTENERS: kafka is no service of this file"),
        ({"KAFKA_LISTENERS": "SSL://127.0.0.1:1"}, {}, "KAFKA_LISTENERS names no PLAINTEXT://host:port"),
        ({"KAFKA_ADVERTISED_LISTENERS": ""}, {}, "KAFKA_ADVERTISED_LISTENERS names no"),
        ({"LANG": "C"}, {}, "does not know LANG"),
        ({}, {"command": ("kafka",)}, "by its environment only"),
        ({}, {"mounts": {"/x": "y"}}, "by its environment only"),
    ],
)
async def test_what_cannot_be_honoured_is_refused(
    tmp_path: Path, changed: dict[str, str], more: dict[str, object], reason: str
) -> None:
    with pytest.raises(TopologyError, match=reason):
        await tansu(tmp_path, spec({**LISTENS, **changed}, **more)).command()


def answer(*hosts: bytes, controller: int = 1, correlation: int = 1) -> bytes:
    """Return a Metadata answer of version 1 without topics; every second broker names a rack."""
    said = struct.pack(">ii", correlation, len(hosts))
    for number, host in enumerate(hosts):
        rack = b"" if number % 2 == 0 else b"r1"
        said += struct.pack(f">ih{len(host)}sih{len(rack)}s", number, len(host), host, 9092, len(rack) or -1, rack)
    return said + struct.pack(">ii", controller, 0)


def test_the_brokers_of_an_answer_are_counted() -> None:
    assert brokers(answer(b"127.0.0.1")) == 1
    assert brokers(answer(b"one", b"two", b"three")) == 3


def test_a_broker_without_a_controller_is_not_ready() -> None:
    assert brokers(answer(b"127.0.0.1", controller=-1)) == 0
    assert brokers(answer()) == 0


@pytest.mark.parametrize("wrong", [b"", b"HTTP/1.1 400", answer(b"one")[:-9], answer(correlation=7)])
def test_what_is_no_answer_to_the_question_is_said_so(wrong: bytes) -> None:
    with pytest.raises(NotKafka):
        brokers(wrong)
