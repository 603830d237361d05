"""The failures of the last seconds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.window import BUCKETS, TimeWindow


def test_it_counts_calls_and_failures() -> None:
    window = TimeWindow(10.0, now=0.0)

    for failed in (True, False, True):
        window.add(0.5, failed=failed)

    assert (window.calls, window.failures) == (3, 2)


def test_it_forgets_after_the_window() -> None:
    window = TimeWindow(10.0, now=0.0)
    window.add(0.5, failed=True)

    window.add(9.9, failed=False)
    assert (window.calls, window.failures) == (2, 1)
    window.add(10.0, failed=False)
    assert (window.calls, window.failures) == (2, 0)


def test_a_long_silence_empties_it() -> None:
    window = TimeWindow(10.0, now=0.0)
    for second in range(10):
        window.add(second + 0.5, failed=True)

    window.add(1e6, failed=False)

    assert (window.calls, window.failures) == (1, 0)


@settings(deadline=None)
@given(
    st.floats(0, 1e5),
    st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=60),
)
def test_it_agrees_with_a_list_of_calls(begin: float, steps: list[tuple[int, bool]]) -> None:
    """A call counts from the tenth of the window it fell into until ten tenths later."""
    window = TimeWindow(10.0, now=begin)
    now = begin
    seen: list[tuple[int, bool]] = []
    for quarters, failed in steps:
        now += quarters / 4
        window.add(now, failed=failed)
        seen.append((int(now), failed))

        kept = [failed for tick, failed in seen if tick > int(now) - BUCKETS]
        assert (window.calls, window.failures) == (len(kept), sum(kept))
