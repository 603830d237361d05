"""What each second looked like, from records whose answer is known."""

import math

import pytest

from chaos.records import Outcome, Probe, Request
from chaos.report.outcomes import bars, fate
from chaos.report.recorded import Series, parse_sample
from chaos.report.series import (
    grid,
    grown,
    in_time_per_s,
    latency_quantile_per_s,
    offered_per_s,
    probed_ms,
    sampled,
    states,
    worst_lags_ms,
)
from chaos.run import Run


def asked(intended_s: float, latency_ms: float = 20, outcome: Outcome = "answered", arm: str = "naive") -> Request:
    return Request(arm, "checkout", 1, intended_s, 0.1, latency_ms, 201, outcome, "k", "o", None, stale=False)


def one(*points: tuple[float, float]) -> Series:
    return Series("orders", "naive", "db_pool_waiting", {}, points)


def test_a_request_counts_in_the_second_in_which_the_customer_meant_to_ask() -> None:
    """A wait of three seconds moves no request into a later second."""
    rows = [asked(0.9, 3000), asked(0.95, 20), asked(1.1, 20)]

    assert offered_per_s(rows, 2) == (2, 1)
    assert in_time_per_s(rows, 1.0, 2) == (1, 1)


@pytest.mark.parametrize("outcome", ["refused", "failed", "gave_up", "skipped"])
def test_only_an_answer_is_in_time(outcome: Outcome) -> None:
    assert in_time_per_s([asked(0.5, 5, outcome)], 1.0, 1) == (0,)


def test_a_shorter_last_second_is_no_drop() -> None:
    rows = [asked(0.1), asked(0.6), asked(1.1)]

    assert offered_per_s(rows, 1.5) == (2, 2)


def test_giving_up_counts_with_the_patience_and_skipped_ones_do_not_count() -> None:
    rows = [asked(0.1, 5000, "gave_up"), asked(0.2, 1, "skipped")]

    assert latency_quantile_per_s(rows, 0.95, 2) == (5000.0, None)


def test_samples_are_put_on_the_grid_and_holes_stay_holes() -> None:
    assert sampled([one((-0.5, 9), (0.02, 1), (0.51, 2), (1.6, 4))], 2, 0.5) == (1, 2, None, 4)


def test_a_counter_that_fell_has_begun_anew_and_where_nobody_looked_is_a_hole() -> None:
    """A process was killed at 9 and has counted 2 since; then nobody could look for two seconds."""
    points = ((-9.5, 1.0), (-0.4, 4.0), (0.1, 5.0), (0.6, 9.0), (1.1, 2.0), (3.1, 8.0))

    assert grown([one(*points)], 3.5, 0.5) == (1.0, 5.0, 7.0, None, None, None, 13.0)
    assert grown([one(*points), one((0.1, 1.0), (0.6, 2.0))], 1, 0.5) == (1.0, 6.0)


def test_series_of_one_metric_are_added() -> None:
    assert sampled([one((0.1, 1)), one((0.2, 2))], 0.5, 0.5) == (3,)


def test_the_slowest_probe_of_a_cell_is_shown_and_a_failed_one_has_no_height() -> None:
    probes = [Probe(0.0, "a", "l", 1.0), Probe(0.1, "a", "l", 9.0), Probe(0.3, "a", "l", None, "reset")]

    assert probed_ms(probes, 0.5, 0.25) == (9.0, None)


def test_a_state_is_a_span_until_the_next_one_and_the_last_until_the_end() -> None:
    assert states(one((0, 0), (0.5, 0), (1, 2), (1.5, 2), (2, 1)), 3) == ((0, 1, 0), (1, 2, 2), (2, 3, 1))


def test_a_state_that_was_never_sampled_has_no_span() -> None:
    assert states(one(), 3) == ()


def test_the_grid_covers_the_end_and_is_never_empty() -> None:
    assert grid(1.2, 0.5) == (0.0, 0.5, 1.0)
    assert grid(0, 1) == (0.0,)


def test_a_sample_is_split_into_its_name_and_labels() -> None:
    assert parse_sample('up{arm="a",path="x,\\"y\\""}') == ("up", {"arm": "a", "path": 'x,\\"y\\"'})
    assert parse_sample("up") == ("up", {})


def test_every_outcome_has_a_fate() -> None:
    rows = [
        asked(0, 20),
        asked(0, 2000),
        asked(0, 1, "refused"),
        asked(0, 1, "failed"),
        asked(0, 1, "gave_up"),
        asked(0, 1, "skipped"),
    ]

    assert [fate(row, 1.0) for row in rows] == ["in time", "late", "refused", "failed", "gave up", "never sent"]


def test_a_bar_is_the_whole_of_the_fault_phase(slow: Run) -> None:
    from_s, to_s = slow.scenario.phases.window("fault")
    rows = [asked(from_s), asked(to_s - 0.01, 2000), asked(to_s), asked(from_s - 0.01), asked(from_s, arm="protected")]

    first, second = bars(rows, slow, ("naive", "protected"))
    assert (first.arm, first.total, first.spoken) == ("naive", 2, "50.0 % in time, 50.0 % late")
    assert (second.arm, second.total, sum(share.percent for share in second.shares)) == ("protected", 1, 100)


def lag(*points: tuple[float, float]) -> Series:
    return Series("inventory", "blocking", "event_loop_lag_seconds_max", {}, points)


def test_while_a_process_is_silent_its_lag_is_what_its_histogram_tells_afterwards() -> None:
    gauge = lag((0.25, 0.01), (2.75, 1.5), (3.25, 0.02))
    told = lag((0.25, 0.008), (3.25, 2.048))

    assert worst_lags_ms(gauge, told, 4, 0.5) == (10, 2048, 2048, 2048, 2048, 1500, 20, None)


def test_a_single_missed_look_is_no_silence() -> None:
    assert worst_lags_ms(lag((0.25, 0.01), (1.25, 0.02)), lag((1.25, 2.048)), 1.5, 0.5) == (10, None, 20)


def test_what_a_process_never_told_stays_unknown() -> None:
    gauge = lag((0.25, 0.01), (2.25, 0.02))

    assert worst_lags_ms(gauge, None, 2.5, 0.5) == (10, None, None, None, 20)
    assert worst_lags_ms(lag((0.25, 0.01)), lag((0.25, 0.008)), 1, 0.5) == (10, None)
    assert worst_lags_ms(gauge, lag((2.25, math.inf)), 2.5, 0.5) == (10, None, None, None, 20)
