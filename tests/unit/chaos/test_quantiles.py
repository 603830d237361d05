"""A percentile is the nearest rank: a value that was measured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.judging.quantiles import percentile


@pytest.mark.parametrize(
    ("n", "q", "expected"), [(100, 0.95, 95), (100, 0.07, 7), (20, 0.95, 19), (10, 0.95, 10), (1, 0.5, 1), (2, 0.5, 1)]
)
def test_the_rank_is_the_smallest_that_covers_the_share(n: int, q: float, expected: int) -> None:
    assert percentile(np.arange(n, 0, -1, dtype=float), q) == expected


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=80), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_was_measured_and_covers_at_least_its_share(values: list[float], q: float) -> None:
    found = percentile(np.array(values), q)

    assert found in values
    assert sum(value <= found for value in values) >= q * len(values) - 1e-9
    assert sum(value < found for value in values) < q * len(values)


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile(np.array([]), 0.5)
