"""A scenario that uses an extension says so, is told in words, and proves nothing where the extension is missing."""

import re
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pytest

from chaos.fault_names import title, toxic_name
from chaos.fault_support import door_links
from chaos.judging.checks import evidence
from chaos.judging.fault_effect import effect_of
from chaos.judging.figures import load_quality
from chaos.observed import Lack
from chaos.report.evidence_words import evidence_lack
from chaos.report.faults_in_words import fault_clause
from chaos.scenario import Toxic
from chaos.scenario.rules import problems
from chaos.scenario.toxics import EXTENSIONS, TOXIC_ATTRIBUTES
from chaos.toxiproxy.server.toxics import EXTENSIONS as SERVED
from chaos.toxiproxy.server.toxics import TYPES
from tests.unit.chaos.builders import WINDOW, probes, requests, scenario

LINK = "orders_to_postgres"


def toxic(kind: str, *, extension: bool = True) -> Toxic:
    attributes = {name: 100 for name, needed in TOXIC_ATTRIBUTES[kind].items() if needed}  # type: ignore[index]
    plain = {"type": kind, "links": [LINK], "attributes": attributes, "extension": extension}
    return Toxic.model_validate(plain)


def said(faults: Sequence[Toxic]) -> list[str]:
    asked = scenario(faults=[fault.model_dump() for fault in faults])
    return [message for _, message in problems(asked, arms_in_file=["naive", "protected"])]


def test_the_extensions_are_those_of_the_server() -> None:
    assert set(SERVED) == EXTENSIONS


@pytest.mark.parametrize("kind", sorted(TOXIC_ATTRIBUTES))
def test_the_attributes_are_those_of_the_server(kind: str) -> None:
    given = TOXIC_ATTRIBUTES[kind]  # type: ignore[index]
    assert set(given) == {field.name for field in fields(TYPES[kind].attributes)}


@pytest.mark.parametrize("kind", sorted(EXTENSIONS))
def test_an_extension_has_to_be_said(kind: str) -> None:
    assert said([toxic(kind)]) == []
    (problem,) = said([toxic(kind, extension=False)])
    assert "write extension: true" in problem


def test_what_any_toxiproxy_has_is_no_extension() -> None:
    (problem,) = said([toxic("latency")])
    assert "write extension: false" in problem


@pytest.mark.parametrize("kind", sorted(EXTENSIONS))
def test_it_is_told_in_words(kind: str) -> None:
    """Every number that was given is in both sentences, and the name tells two settings apart."""
    fault = toxic(kind)
    numbers = ["100"] * len(fault.attributes)
    assert re.findall(r"\d{3}", title(fault)) == numbers
    assert re.findall(r"\d{3}", fault_clause(scenario(faults=[fault.model_dump()]))) == numbers
    assert toxic_name(fault).startswith(kind)


@pytest.mark.parametrize(
    ("kind", "attributes", "least_ms"),
    [
        ("latency_uniform", {"minimum": 100, "maximum": 200}, 80),
        ("latency_normal", {"mean": 100, "deviation": 10}, 0.8 * 76.7),
        ("latency_lognormal", {"median": 100, "p99": 400}, 20),
        ("latency_pareto", {"minimum": 50, "p99": 500}, 40),
        ("connect_delay", {"delay": 300}, 240),
    ],
)
def test_what_it_must_do_to_an_exchange(kind: str, attributes: dict[str, int], least_ms: float) -> None:
    fault = Toxic.model_validate({"type": kind, "links": [LINK], "attributes": attributes, "extension": True})
    assert effect_of([fault]).min_ms == pytest.approx(least_ms)


@pytest.mark.parametrize("kind", ["refuse", "connect_hang"])
def test_a_door_breaks_new_connections(kind: str) -> None:
    """So the probe of that link has to make one each time."""
    assert effect_of([toxic(kind)]).broken
    assert door_links(scenario(faults=[toxic(kind).model_dump()])) == {LINK}
    assert door_links(scenario()) == frozenset()


UNKNOWN = Lack("Toxiproxy 2.12.0 does not know refuse, an extension of the lab's own", "run it with the embedded one")
EMPTIED = Lack("Tansu forgets", "run it on the real Kafka")


@pytest.mark.parametrize("lacking", [(), (UNKNOWN,), (UNKNOWN, EMPTIED)])
def test_without_the_extension_the_run_lacks_evidence(lacking: tuple[Lack, ...]) -> None:
    found = requests()
    given: dict[str, Any] = {"dirty_start": "", "dirty_end": "", "ledger_problem": "", "ledger_arms": ["naive"]}
    pieces = evidence(
        scenario(faults=[toxic("refuse").model_dump()]),
        requests=found,
        probes=probes(lambda _: 0.6),
        windows=[WINDOW],
        load=load_quality(found, len(found), judged_from_s=0),
        calls={},
        cpu_busy=0.5,
        lacking=lacking,
        **given,
    )
    (piece,) = (piece for piece in pieces if piece.name == "fault_possible")
    assert piece.holds == (not lacking)
    assert (piece.detail == "; ".join(lack.detail for lack in lacking)) == bool(lacking)
    assert piece.remedy == "; ".join(lack.remedy for lack in lacking)
    assert evidence_lack("fault_possible") == "what runs here cannot make the fault, or show what it does"
