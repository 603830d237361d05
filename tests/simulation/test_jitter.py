"""The waits of resilience/ give the figures of the blog post that named them, in the model of that post."""

from functools import cache

import pytest

from resilience.retry_waits import Jitter
from tests.simulation.jitter import KNOWN, average
from tests.simulation.seeds import FULL

RUNS = dict.fromkeys(KNOWN, 100) if FULL else {20: 60, 50: 30, 100: 20, 190: 6}


@cache
def seen(clients: int, jitter: Jitter | None) -> tuple[float, float]:
    writes, seconds = average(clients, jitter, runs=RUNS[clients])
    return writes, 1000 * seconds


@pytest.mark.parametrize("jitter", KNOWN[20], ids=str)
@pytest.mark.parametrize("clients", KNOWN)
def test_a_wait_costs_what_it_is_known_to(clients: int, jitter: Jitter | None) -> None:
    """The writes to 5 %; the time, which the unluckiest client makes, to 12 %."""
    writes, milliseconds = seen(clients, jitter)
    known_writes, known_milliseconds = KNOWN[clients][jitter]

    assert writes == pytest.approx(known_writes, rel=0.05)
    assert milliseconds == pytest.approx(known_milliseconds, rel=0.12)


def test_full_jitter_cuts_the_calls_of_100_clients_to_a_third() -> None:
    """By 3.1 against no wait, and by 2.3 against exponential waits without jitter."""
    full = seen(100, "full")[0]

    assert seen(100, None)[0] / full == pytest.approx(3.1, abs=0.2)
    assert seen(100, "none")[0] / full == pytest.approx(2.3, abs=0.15)


def test_waits_without_jitter_take_13_times_as_long() -> None:
    assert seen(100, "none")[1] / seen(100, "full")[1] == pytest.approx(13, abs=1.5)
