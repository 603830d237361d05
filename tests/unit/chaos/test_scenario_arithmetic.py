"""The numbers in the scenarios' comments are those of the services, of their libraries and of compose.yaml."""

import inspect
from pathlib import Path

import aiohttp
import asyncpg
import pytest
import yaml

from chaos.scenario import Scenario
from chaos.scenario.file import FOLDER, load_scenario
from loadtests.schedule import SKUS
from resilience.profiles import PROFILES
from resilience.windows import TimeWindow
from services.inventory.statements import FRESH_S

ROOT = Path(__file__).parents[3]
POOL = inspect.signature(asyncpg.create_pool).parameters["max_size"].default
CONNECTIONS = inspect.signature(aiohttp.TCPConnector).parameters["limit"].default
# A statement, and the reset of its connection before it goes back to the pool.
ROUND_TRIPS = 2


def said(name: str) -> str:
    """Return a scenario's file as one line, without the marks of comments."""
    lines = (ROOT / FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    return " ".join(line.strip().removeprefix("# ") for line in lines)


def asked(name: str) -> Scenario:
    return load_scenario(name, root=ROOT)


@pytest.mark.parametrize("name", ["db-down", "slow-db"])
def test_reads_that_the_cache_spares_the_database(name: str) -> None:
    """A copy is fresh for a while after it was read; then it waits for the next customer of its product."""
    between_s = len(SKUS) / asked(name).load.browse_per_s

    assert f"fresh for {FRESH_S} s" in said(name)
    assert f"/ ({FRESH_S} + {between_s:g}) = " in said(name)


def test_what_naive_answers_without_its_database() -> None:
    load, phases = asked("db-down").load, asked("db-down").phases
    fresh = FRESH_S / (FRESH_S + len(SKUS) / load.browse_per_s)
    answered = fresh * FRESH_S / 2 / phases.fault_s

    assert f"{FRESH_S} / ({FRESH_S} + {len(SKUS) / load.browse_per_s:g}) = {fresh:.0%}".replace("%", " %") in said(
        "db-down"
    )
    assert f"{fresh:.2f} x {FRESH_S / 2:g} / {phases.fault_s:g} = {answered:.0%}".replace("%", " %") in said("db-down")


def test_what_a_pool_carries_over_a_slow_link() -> None:
    scenario = asked("slow-db")
    statement_s = ROUND_TRIPS * scenario.faults[0].model_dump()["attributes"]["latency"] / 1000
    checkouts = POOL / (2 * statement_s)
    reads = len(SKUS) / (FRESH_S + len(SKUS) / scenario.load.browse_per_s)
    carried = POOL / statement_s
    stuck = scenario.load.checkout_per_s - checkouts, reads - (carried - checkouts)
    backlog = stuck[0] * scenario.phases.fault_s
    text = said("slow-db")

    assert f"pool of {POOL} carries {POOL} / {2 * statement_s:g} s = {checkouts:.1f} checkouts a second" in text
    assert f"= {reads:.0f} a second ask inventory" in text
    assert f"carries {POOL} / {statement_s:g} s = {carried:.0f}" in text
    assert f"{CONNECTIONS} / ({stuck[0]:.0f} + {stuck[1]:.0f}) = {CONNECTIONS / sum(stuck):.1f} s" in text
    assert f"x {scenario.phases.fault_s:g} = {round(backlog, -1):.0f} checkouts" in text
    assert f"= {backlog / (bank_per_s() - scenario.load.checkout_per_s):.0f} s" in text


def test_refusals_that_are_not_fast() -> None:
    scenario = asked("slow-db")
    breaker = PROFILES["protected"].links["orders_to_postgres"].breaker
    assert breaker is not None
    assert isinstance(breaker.window, TimeWindow)
    opening_s = breaker.window.window_s * breaker.window.failure_rate
    checkouts = scenario.load.checkout_per_s * scenario.phases.fault_s
    slow = opening_s * scenario.load.checkout_per_s, scenario.phases.fault_s / breaker.open_s

    assert f"for the {opening_s:g} s until the breakers open ({slow[0]:g} of {checkouts:g})" in said("slow-db")
    assert f"({slow[1]:g} of {checkouts:g})" in said("slow-db")
    assert f"That is {sum(slow) / checkouts:.1%}".replace("%", " %") in said("slow-db")


def test_when_a_slow_bank_has_taken_every_connection() -> None:
    scenario = asked("bank-slow")
    checkout_s = (scenario.faults[0].model_dump()["attributes"]["latency"] + bank()[0]) / 1000
    per_s = scenario.load.checkout_per_s

    assert f"{per_s:g} a second x {checkout_s:g} s = {per_s * checkout_s:g} at once" in said("bank-slow")
    assert f"full after {CONNECTIONS} / {per_s:g} = {CONNECTIONS / per_s:g} s" in said("bank-slow")
    assert f"{CONNECTIONS} / {checkout_s:g} = {CONNECTIONS / checkout_s:.0f} checkouts" in said("bank-slow")


@pytest.mark.parametrize("name", ["healthy", "slow-db"])
def test_what_the_bank_takes(name: str) -> None:
    latency_ms, slots = bank()

    assert f"{slots} / {latency_ms / 1000:g} s = {bank_per_s():g} a second" in said(name)


def bank() -> tuple[int, int]:
    """Return how long the bank takes for a charge, in ms, and for how many at once where nobody says otherwise."""
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    (environment,) = {
        (
            int(one["environment"]["BANK_LATENCY_MS"]),
            int(one["environment"]["BANK_SLOTS"].removeprefix("${LAB_BANK_SLOTS:-").removesuffix("}")),
        )
        for one in services.values()
        if "BANK_SLOTS" in one.get("environment", {})
    }
    return environment


def bank_per_s() -> float:
    latency_ms, slots = bank()
    return slots / latency_ms * 1000
