"""The scenarios that come with the lab are valid, short, and explained; the editor's schema is current."""

import json
import re
from pathlib import Path

import pytest
import yaml

from chaos.judging.figure_names import FIGURES
from chaos.judging.figures import Figures
from chaos.judging.verdict import judge
from chaos.run import Figure
from chaos.scenario import JUDGED_PHASES, Load
from chaos.scenario.file import FOLDER, list_scenarios
from chaos.scenario.schema import PATH, editor_schema, text
from chaos.scenario.toxics import TOXIC_ATTRIBUTES
from resilience.call_tree import LINKS

ROOT = Path(__file__).parents[3]
SCENARIOS = sorted((ROOT / FOLDER).glob("*.yaml"))


def test_every_scenario_can_be_run() -> None:
    listed = list_scenarios(ROOT)

    assert {one.name for one in listed} >= {"slow-db", "healthy", "db-down", "bank-slow"}
    assert [one.problem for one in listed if one.problem] == []


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: str(path.stem))
def test_a_scenario_is_short_names_its_schema_and_gives_its_arithmetic(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()

    assert len(lines) <= 40
    assert max(map(len, lines)) <= 120
    assert lines[0] == "# yaml-language-server: $schema=schema.json"
    assert sum(line.startswith("#") for line in lines) > 2
    assert any(line.startswith("arithmetic: ") for line in lines)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: str(path.stem))
def test_a_scenario_expects_something_of_each_arm(path: Path) -> None:
    """Expectations on the protected arm alone would hold without the fault."""
    (listed,) = [one for one in list_scenarios(ROOT) if one.path == path]

    assert listed.scenario is not None
    assert {one.arm for one in listed.scenario.expect} == {arm.name for arm in listed.scenario.arms}


def test_the_schema_file_is_what_the_models_say() -> None:
    """`python -m chaos.scenario.schema` writes it again."""
    assert PATH == ROOT / FOLDER / "schema.json"
    assert PATH.read_text(encoding="utf-8") == text()


def test_the_schema_knows_the_keys_and_names_of_the_scenarios() -> None:
    schema = editor_schema()
    figures = {one["const"] for one in schema["$defs"]["Expectation"]["properties"]["figure"]["oneOf"]}

    for path in SCENARIOS:
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert plain.keys() <= schema["properties"].keys()
        assert plain.keys() >= set(schema["required"])
        assert {one["figure"] for one in plain["expect"]} <= figures
    assert json.loads(text()) == schema


def test_the_links_are_those_of_the_topology() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    proxies = json.loads(re.sub(r"\$\{[^}]*\}", "x", compose["configs"]["links"]["content"]))

    assert {proxy["name"].partition(".")[2] for proxy in proxies} == set(LINKS)


def test_every_toxic_type_has_its_attributes() -> None:
    assert set(TOXIC_ATTRIBUTES) == set(editor_schema()["$defs"]["Toxic"]["properties"]["type"]["enum"])


def untouched(figure: str, load: Load) -> Figure:
    """Return a figure of a shop to which nothing happens: everything is answered, in tens of milliseconds."""
    kind, _, tail = figure.rpartition(".")
    if tail in {"offered_per_s", "goodput_per_s"}:
        return Figure(value=getattr(load, f"{kind}_per_s"), n=1000)
    if tail in {"in_time_share", "answered_share"}:
        return Figure(value=1.0, n=1000)
    return Figure(value={"ms": 30.0, "ratio": 1.0}.get(FIGURES[figure].unit, 0.0), n=1000)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: str(path.stem))
def test_a_scenario_is_refuted_where_its_fault_does_nothing(path: Path) -> None:
    """The other way round for one without a fault, which must hold of such a shop.

    A process that is killed at random may be one whose end costs no arm anything; that it died is seen at its door.
    """
    (scenario,) = [one.scenario for one in list_scenarios(ROOT) if one.path == path and one.scenario]
    of_phase = {name: untouched(name, scenario.load) for name in FIGURES}
    found: Figures = {arm.name: dict.fromkeys(JUDGED_PHASES, of_phase) for arm in scenario.arms}

    words = {one.word for one in judge(scenario, found, (), ()) if one.figure in FIGURES}

    assert ("REFUTED" in words) == (bool(scenario.faults) and path.stem != "killed-at-random"), words
