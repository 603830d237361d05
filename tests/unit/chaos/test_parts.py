"""A scenario says which parts of the shop it needs, and touches nothing of a part that it does not start."""

from pathlib import Path

import pytest

from chaos.engines.parts import COMPONENTS, parts_behind, playable
from chaos.errors import ScenarioError
from chaos.judging.figure_names import FIGURES
from chaos.scenario import Scenario
from chaos.scenario.file import load_scenario
from chaos.scenario.parts import PARTS, part_of, part_of_link

FILE = """\
question: Does it?
arms: [naive, protected]
load: {checkout_per_s: 40, browse_per_s: 60}
needs: NEEDS
"""


def read(folder: Path, needs: str, more: str = "") -> Scenario:
    path = folder / "parts.yaml"
    path.write_text(FILE.replace("NEEDS", needs) + more)
    return load_scenario(str(path), root=folder)


def test_a_scenario_needs_no_part_unless_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "plain.yaml"
    path.write_text(FILE.replace("needs: NEEDS\n", ""))

    assert load_scenario(str(path), root=tmp_path).needs == ()
    assert read(tmp_path, "[catalog, events]").needs == ("catalog", "events")


@pytest.mark.parametrize(
    ("needs", "more", "said"),
    [
        ("[]", "faults: [{type: down, links: [orders_to_kafka]}]", "faults.0.links.0: orders_to_kafka is there only"),
        ("[catalog]", "faults: [{type: down, links: [gateway_to_notifications]}]", "write needs: [events]"),
        ("[]", "faults: [{type: kill, services: [kafka]}]", "faults.0.services.0: kafka is there only with the part"),
        ("[]", "faults: [{type: pause, services: [notifications]}]", "write needs: [events]"),
        (
            "[]",
            "expect: [{arm: naive, phase: recovery, figure: notifications.missing, at_most: 0}]",
            "expect.0.figure: notifications.missing is there only with the part events; write needs: [events]",
        ),
        ("[events, events]", "", "needs.1: 'events' stands twice"),
        ("[event]", "", "needs.0: cannot be 'event'; did you mean 'events'? known: events, catalog"),
        ("events", "", "needs: must be a list"),
    ],
)
def test_what_is_of_a_part_needs_it(tmp_path: Path, needs: str, more: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(tmp_path, needs, more)

    assert said in str(caught.value)


def test_with_the_part_all_of_it_may_be_named(tmp_path: Path) -> None:
    faults = "faults: [{type: down, links: [orders_to_kafka, orders_to_postgres]}, {type: kill, services: [kafka]}]\n"
    expect = "expect: [{arm: naive, phase: recovery, figure: events.unpublished, at_least: 1}]\n"

    assert len(read(tmp_path, "[events]", faults + expect).faults) == 2


def test_each_name_belongs_to_one_part_or_none() -> None:
    names = [name for services in PARTS.values() for name in services]

    assert len(names) == len(set(names))
    assert [part_of(name) for name in ("kafka", "catalog", "orders")] == ["events", "catalog", None]
    links = ("orders_to_kafka", "catalog_to_redis", "gateway_to_catalog", "orders_to_postgres")
    assert [part_of_link(link) for link in links] == ["events", "catalog", "catalog", None]
    assert {figure.part for figure in FIGURES.values()} <= {*PARTS, None}
    assert {component in PARTS[part] for part, component in COMPONENTS.items()} == {True}


def test_a_compose_profile_of_slot_c_is_of_the_part_in_its_name() -> None:
    assert parts_behind(["events"]) == parts_behind(["arm-c-events"]) == {"events"}
    assert parts_behind(["arm-c", "watch", "events-of-others"]) == frozenset()


def test_what_cannot_be_played_here_is_left_out_with_its_remedy(tmp_path: Path) -> None:
    """Docker brings everything itself, so nothing is left out there."""
    nothing = {"PATH": str(tmp_path)}

    parts, lines = playable(tmp_path, nothing, "local")

    assert "catalog" not in parts
    assert any(line.startswith("without catalog (mysql, catalog): ") and "make components" in line for line in lines)
    assert playable(tmp_path, nothing, "compose") == (("events", "catalog"), ())
