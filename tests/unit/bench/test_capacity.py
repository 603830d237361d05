"""What a climb says of a rate: who was served, who was turned away and by whom, and who spent the processors' time."""

from dataclasses import replace

from chaos.bench.capacity import CORES, Step, ending, row

SERVED = Step(
    rate_per_s=100,
    seconds=10,
    outcomes={"answered": 960},
    p50_ms=122.4,
    p99_ms=184.0,
    lag_p99_ms=2.6,
    cpu_s={"gateway-a": 1.2, "orders-a": 2.4, "postgres": 1.6},
    refused_by={},
)
SHED = replace(
    SERVED,
    rate_per_s=210,
    outcomes={"answered": 1981, "refused": 26, "gave_up": 2},
    refused_by={"bulkhead of gateway_to_orders": 26.0},
)


def test_a_line_names_who_spent_most_first_by_checkout() -> None:
    line = row(SERVED)

    assert line.endswith("orders-a 2.50, postgres 1.67, gateway-a 1.25")
    assert "96.0/s" in line


def test_a_line_names_who_refused() -> None:
    assert row(SHED).endswith("; refused: 26 by the bulkhead of gateway_to_orders")


def test_whoever_has_no_order_was_turned_away() -> None:
    assert (SERVED.turned_away, SHED.turned_away) == (0, 28)


def test_busy_is_of_all_cores() -> None:
    assert SERVED.busy * CORES == (1.2 + 2.4 + 1.6) / 10


def test_a_rate_at_which_nobody_was_served_is_a_line_all_the_same() -> None:
    assert row(replace(SHED, outcomes={"gave_up": 5})).count("/s") > 1


def test_the_end_tells_the_most_and_the_most_before_the_first_was_turned_away() -> None:
    """A rate above the first that turned somebody away does not count for the second, however well it went."""
    assert ending([SERVED, SHED, replace(SERVED, outcomes={"answered": 2100})]) == (
        "210 checkouts a second at most, 96 before the first was turned away"
    )
    assert ending([SHED]) == "198 checkouts a second at most, 0 before the first was turned away"
