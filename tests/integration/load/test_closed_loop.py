"""The page about closed loops tells the truth: users who wait do not see the stall that others meet."""

from pathlib import Path

import pytest

from chaos.bench.closed_loop import GENERATORS, SHARES, Seen, Stall, measure, table

pytestmark = pytest.mark.integration

# A sixth of it is the stall, as in the page's run.
SHORT = Stall(duration_s=6.0, from_s=2.5, to_s=3.5)
TRUTH, OPEN, FEW, _ = GENERATORS


async def test_the_p95_of_users_who_wait_is_at_least_ten_times_too_small(tmp_path: Path) -> None:
    truth, few = await measure(TRUTH, SHORT, tmp_path), await measure(FEW, SHORT, tmp_path)

    p95 = SHARES.index(95)
    # A sixth of the customers met a stall of 1 s, so a twentieth waited 0.7 s and more.
    assert truth.percentiles_ms[p95] > 500
    assert few.percentiles_ms[p95] * 10 < truth.percentiles_ms[p95]
    assert few.requests < truth.requests


async def test_open_arrivals_in_locust_see_what_the_lab_sees(tmp_path: Path) -> None:
    seen = await measure(OPEN, SHORT, tmp_path)

    p50, p90, p95, p99 = seen.percentiles_ms
    assert p50 < p90 < p95 < p99
    assert p95 > 500
    assert seen.requests > 1_000


def test_a_table_has_a_row_for_each_generator() -> None:
    text = table([Seen("truth", 2482, (4.2, 793.1, 1397.0, 1900.4))])

    assert text.splitlines() == [
        "| generator | requests | p50 | p90 | p95 | p99 |",
        "|---|---|---|---|---|---|",
        "| truth | 2,482 | 4 ms | 793 ms | 1,397 ms | 1,900 ms |",
    ]
