"""The engine keeps time and repeats itself, and what is built on it agrees with queueing theory."""

import pytest

from tests.simulation.engine import Simulation
from tests.simulation.queueing import observe


def test_things_happen_in_order_of_time_and_at_one_instant_in_the_order_they_were_set() -> None:
    simulation = Simulation(1)
    seen: list[tuple[float, str]] = []
    for instant, name in ((2.0, "c"), (1.0, "a"), (2.0, "d"), (1.0, "b")):
        simulation.at(instant, lambda name: seen.append((simulation.now, name)), name)
    simulation.run()

    assert seen == [(1.0, "a"), (1.0, "b"), (2.0, "c"), (2.0, "d")]


def test_a_run_ends_at_its_end_and_goes_on_from_there() -> None:
    simulation = Simulation(1)
    seen: list[float] = []
    simulation.after(1.0, lambda: seen.append(simulation.now))
    simulation.after(3.0, lambda: seen.append(simulation.now))

    assert simulation.run(until=2.0) == 1
    assert (seen, simulation.now) == ([1.0], 2.0)
    simulation.after(0.5, lambda: seen.append(simulation.now))
    assert simulation.run() == 2
    assert seen == [1.0, 2.5, 3.0]


def test_what_is_due_at_the_end_itself_happens() -> None:
    simulation = Simulation(1)
    simulation.at(2.0, lambda: None)

    assert simulation.run(until=2.0) == 1


def test_the_past_is_refused() -> None:
    simulation = Simulation(1)
    simulation.run(until=2.0)

    with pytest.raises(ValueError, match=r"1\.0 has passed, it is 2\.0"):
        simulation.at(1.0, lambda: None)


def test_the_same_seed_gives_the_same_run_and_another_one_another() -> None:
    first, second, other = (observe(0.8, seed=seed, customers=1000) for seed in (1, 1, 2))

    assert first == second
    assert first != other


def test_arrivals_are_as_many_as_the_rate_says_and_as_irregular_as_chance() -> None:
    """Of a Poisson process the counts of equal times have a variance equal to their mean."""
    simulation = Simulation(1)
    counts = [0] * 2000
    simulation.arrivals(10.0, lambda: counts.__setitem__(int(simulation.now), counts[int(simulation.now)] + 1))
    simulation.run(until=1999.999)
    mean = sum(counts) / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / len(counts)

    assert mean == pytest.approx(10.0, rel=0.02)
    assert variance == pytest.approx(10.0, rel=0.1)


@pytest.mark.parametrize("load", [0.5, 0.8, 0.9])
def test_the_mean_time_in_m_m_1_is_the_service_time_by_one_minus_the_load(load: float) -> None:
    """2, 5 and 10 service times; the 99th percentile is ln(100) = 4.6 times as much."""
    seen = observe(load, seed=1, customers=150_000)

    assert seen.mean_s == pytest.approx(1 / (1 - load), rel=0.06)
    assert sorted(seen.times_s)[int(0.99 * len(seen.times_s))] / seen.mean_s == pytest.approx(4.6, rel=0.1)


@pytest.mark.parametrize(("load", "mean"), [(1.2, 15.5), (2.0, 19.0)])
def test_m_m_1_k_refuses_what_the_formula_says(load: float, mean: float) -> None:
    """rho^K (1 - rho) / (1 - rho^(K + 1)): 17 % and 50 % with 20 places; whoever gets in waits for nearly all."""
    seen = observe(load, seed=1, customers=100_000, places=20)

    assert seen.refused / seen.arrived == pytest.approx(load**20 * (1 - load) / (1 - load**21), rel=0.03)
    assert seen.mean_s == pytest.approx(mean, rel=0.03)


def test_little_the_number_in_the_system_is_the_rate_times_the_time_in_it() -> None:
    load, customers = 0.8, 100_000
    seen = observe(load, seed=1, customers=customers)
    seconds = customers / load

    assert seen.area / seconds == pytest.approx(len(seen.times_s) / seconds * seen.mean_s, rel=0.001)
