"""Where a Prometheus watches the lab the page draws from it, and says of it what it says itself."""

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.watch.conftest import Served, checkout, serving
from tests.integration.watch.real_prometheus import Prometheus, prometheus, scraping
from tests.integration.watch.test_server import ask

pytestmark = pytest.mark.integration

WITHIN_S = 20


def page(number: int) -> str:
    lines = [f'calls_total{{arm="{arm}"}} {number * step}' for arm, step in (("naive", 1), ("protected", 2.5))]
    return "\n".join([*lines, "# TYPE ratio gauge", "ratio NaN", ""])


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    executable = prometheus()
    if executable is None:
        pytest.skip("no Prometheus on this machine: make components, or apt-get install prometheus")
    with scraping(executable, page, tmp_path_factory.mktemp("prometheus")) as found:
        until = time.perf_counter() + WITHIN_S
        while time.perf_counter() < until and len(found.ask("/api/v1/query", query="count_over_time(up[1m]) > 8")) == 0:
            time.sleep(0.2)
        yield found


@pytest.fixture
def beside(real: Prometheus, tmp_path: Path) -> Iterator[Served]:
    with serving(checkout(tmp_path / "checkout"), real.url) as found:
        yield found


def directly(real: Prometheus, **params: object) -> Any:
    with urllib.request.urlopen(f"{real.url}/api/v1/query_range?{urlencode(params)}", timeout=10) as answer:  # noqa: S310 - our own
        return json.load(answer)


def test_a_prometheus_that_sees_the_lab_is_asked(beside: Served) -> None:
    _, state = ask(beside, "/api/state")

    assert (state["view"], state["source"], state["live"], state["origin"]) == ("live", "prometheus", True, None)


@pytest.mark.parametrize("query", ["calls_total", "sum(rate(calls_total[2s]))", "ratio", "nothing"])
def test_its_answer_is_passed_on_as_it_is(beside: Served, real: Prometheus, query: str) -> None:
    end = int(float(real.ask("/api/v1/query", query="time()")[1]))
    params = {"query": query, "start": end - 5, "end": end, "step": 1}
    status, body = ask(beside, "/api/v1/query_range", **params)
    theirs = directly(real, **params)

    assert status == 200
    assert body["data"] == theirs["data"]


def test_what_it_complains_of_is_passed_on(beside: Served) -> None:
    status, body = ask(beside, "/api/v1/query_range", query="sum(", start=1, end=2, step=1)

    assert status == 400
    assert "Prometheus" in body["error"]
