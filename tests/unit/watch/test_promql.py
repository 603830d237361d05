"""Queries on recorded series, with figures worked out by hand; that Prometheus agrees is an integration test."""

import math

import pytest

from chaos.errors import QueryError
from chaos.watch.promql import Evaluator, Grid
from chaos.watch.promql.rules import Rule
from tests.unit.watch.samples import Samples, at, recorded

# Scraped at 1, 2, ... 6 s.
CALLS: Samples = {
    'calls_total{arm="naive",outcome="ok"}': [0, 10, 20, 30, 40, 50],
    'calls_total{arm="naive",outcome="no"}': [0, 0, 0, 2, 4, 4],
    'calls_total{arm="protected",outcome="ok"}': [100, 110, 120, 5, 15, 25],
    'waiting{arm="naive"}': [0, 1, 4, 9, 16, 25],
    'waiting{arm="protected"}': [0, None, 2, 2, 2, 2],
}


@pytest.fixture
def calls() -> Evaluator:
    return recorded(CALLS)


def test_a_selector_gives_the_newest_scrape_of_the_last_five_seconds(calls: Evaluator) -> None:
    assert at(calls, 'waiting{arm="naive"}', 3_900) == {"__name__=waiting,arm=naive": 4}
    assert at(calls, 'waiting{arm="naive"}', 10_999) == {"__name__=waiting,arm=naive": 25}
    assert at(calls, 'waiting{arm="naive"}', 11_000) == {}


def test_a_series_that_the_newest_scrape_does_not_hold_is_gone(calls: Evaluator) -> None:
    assert at(calls, 'waiting{arm="protected"}', 2_000) == {}
    assert at(calls, 'waiting{arm="protected"}', 1_999) == {"__name__=waiting,arm=protected": 0}


@pytest.mark.parametrize(
    ("matchers", "found"),
    [
        ('arm="naive"', 2), ('arm!="naive"', 1), ('arm=~"nai.*|x"', 2), ('arm=~"nai"', 0), ('arm!~"nai.*"', 1),
        ('link=""', 3), ('link!=""', 0), ('outcome=~".+"', 3), ('arm="naive",outcome="no"', 1),
    ],
)  # fmt: skip
def test_matchers_speak_of_whole_values_and_a_label_that_is_not_there_is_empty(
    calls: Evaluator, matchers: str, found: int
) -> None:
    assert len(at(calls, f"calls_total{{{matchers}}}", 6_000)) == found


def test_rate_reaches_half_a_gap_beyond_the_samples_of_its_window(calls: Evaluator) -> None:
    """At 5.5 s the window (1.5, 5.5] holds 2 to 5 s: 30 in 3 s, and half a second on either side: 40 in 4 s."""
    assert at(calls, 'rate(calls_total{arm="naive",outcome="ok"}[4s])', 5_500) == {
        "arm=naive,outcome=ok": pytest.approx(10)
    }


def test_increase_stops_where_the_counter_must_have_been_zero(calls: Evaluator) -> None:
    """(2.2, 6.2] holds 3 to 6 s: 0 to 4. It was 0 at 3 s already, so only 0.2 s at the end are added: 4 * 3.2 / 3."""
    assert at(calls, 'increase(calls_total{outcome="no"}[4s])', 6_200) == {
        "arm=naive,outcome=no": pytest.approx(4 * 3.2 / 3)
    }


def test_a_counter_that_starts_anew_counts_on(calls: Evaluator) -> None:
    """(1, 6] holds 2 to 6 s: 110, 120, 5, 15, 25. That is 10 + 5 + 10 + 10 = 35 in 4 s, as far as 5 s."""
    assert at(calls, 'increase(calls_total{arm="protected"}[5s])', 6_000) == {
        "arm=protected,outcome=ok": pytest.approx(35 * 5 / 4)
    }


def test_irate_looks_at_the_last_two_samples_alone(calls: Evaluator) -> None:
    assert at(calls, 'irate(calls_total{arm="protected"}[4s])', 4_000)["arm=protected,outcome=ok"] == 5
    assert at(calls, 'irate(calls_total{arm="protected"}[4s])', 6_000)["arm=protected,outcome=ok"] == 10


def test_one_sample_has_no_rate(calls: Evaluator) -> None:
    assert at(calls, "rate(calls_total[1s])", 3_000) == {}


@pytest.mark.parametrize(
    ("function", "value"),
    [("max", 25), ("min", 4), ("sum", 54), ("avg", 13.5), ("count", 4)],
)
def test_functions_over_time_take_what_lies_in_the_window(calls: Evaluator, function: str, value: float) -> None:
    query = f'{function}_over_time(waiting{{arm="naive"}}[4s])'

    assert at(calls, query, 6_000) == {"arm=naive": value}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sum by (arm) (calls_total)", {"arm=naive": 54, "arm=protected": 25}),
        ("sum without (outcome) (calls_total)", {"arm=naive": 54, "arm=protected": 25}),
        ("sum(calls_total)", {"": 79}),
        ("max by (outcome) (calls_total)", {"outcome=ok": 50, "outcome=no": 4}),
        ("min(calls_total)", {"": 4}),
        ("avg by (arm) (calls_total)", {"arm=naive": 27, "arm=protected": 25}),
        ("count by (arm) (calls_total)", {"arm=naive": 2, "arm=protected": 1}),
        ("count by (link) (calls_total)", {"": 3}),
    ],
)
def test_aggregations_group_by_labels(calls: Evaluator, query: str, found: dict[str, float]) -> None:
    assert at(calls, query, 6_000) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("waiting * 2", {"arm=naive": 50, "arm=protected": 4}),
        ("-waiting", {"arm=naive": -25, "arm=protected": -2}),
        ("waiting > 2", {"__name__=waiting,arm=naive": 25}),
        ("2 < waiting", {"__name__=waiting,arm=naive": 25}),
        ("waiting > bool 2", {"arm=naive": 1, "arm=protected": 0}),
        ("7 % 4 ^ 2", {"": 7}),
        ("clamp_max(waiting, 10)", {"arm=naive": 10, "arm=protected": 2}),
        ("clamp_min(waiting, 10)", {"arm=naive": 25, "arm=protected": 10}),
        ("sum by (arm) (calls_total) / waiting", {"arm=naive": 54 / 25, "arm=protected": 12.5}),
        ("waiting == waiting", {"__name__=waiting,arm=naive": 25, "__name__=waiting,arm=protected": 2}),
        ("calls_total - on (arm) group_left waiting", {
            "arm=naive,outcome=ok": 25, "arm=naive,outcome=no": -21, "arm=protected,outcome=ok": 23}),
        ('waiting and on (arm) calls_total{outcome="no"}', {"__name__=waiting,arm=naive": 25}),
        ('waiting unless on (arm) calls_total{outcome="no"}', {"__name__=waiting,arm=protected": 2}),
        ('sum by (arm) (calls_total{outcome="no"}) or 0 * waiting', {"arm=naive": 4, "arm=protected": 0}),
        ("vector(1) + 1", {"": 2}),
    ],
)  # fmt: skip
def test_operators_match_series_by_their_labels(calls: Evaluator, query: str, found: dict[str, float]) -> None:
    assert at(calls, query, 6_000) == found


def test_nothing_over_nothing_is_no_number_and_still_there(calls: Evaluator) -> None:
    value = at(calls, "sum(waiting * 0) / sum(waiting * 0)", 6_000)

    assert list(value) == [""]
    assert math.isnan(value[""])
    assert at(calls, "sum(waiting * 0) / sum(waiting * 0) >= 0", 6_000) == {}


LATENCY: Samples = {
    'wait_bucket{arm="naive",le="0.1"}': [0, 50],
    'wait_bucket{arm="naive",le="1.0"}': [0, 90],
    'wait_bucket{arm="naive",le="10.0"}': [0, 100],
    'wait_bucket{arm="naive",le="+Inf"}': [0, 100],
    'wait_bucket{arm="idle",le="0.1"}': [0, 0],
    'wait_bucket{arm="idle",le="1.0"}': [0, 0],
    'wait_bucket{arm="idle",le="10.0"}': [0, 0],
    'wait_bucket{arm="idle",le="+Inf"}': [0, 0],
}


@pytest.mark.parametrize(
    ("quantile", "value"),
    [
        (0.25, 0.05),  # half of the first bucket, which begins at 0
        (0.7, 0.1 + 0.9 * 20 / 40),  # 20 of the 40 in the second
        (0.95, 1 + 9 * 5 / 10),
        (1, 10),
        (1.5, math.inf),
        (-1, -math.inf),
    ],
)
def test_a_quantile_lies_in_its_bucket_in_proportion(quantile: float, value: float) -> None:
    found = at(recorded(LATENCY), f"histogram_quantile({quantile}, wait_bucket)", 2_000)

    assert found["arm=naive"] == pytest.approx(value)


def test_a_quantile_beyond_the_last_bound_is_that_bound() -> None:
    beyond = dict(LATENCY) | {'wait_bucket{arm="naive",le="+Inf"}': [0, 200]}

    assert at(recorded(beyond), "histogram_quantile(0.99, wait_bucket)", 2_000)["arm=naive"] == 10


def test_a_quantile_of_no_observations_is_no_number() -> None:
    assert math.isnan(at(recorded(LATENCY), "histogram_quantile(0.9, wait_bucket)", 2_000)["arm=idle"])
    assert list(at(recorded(LATENCY), "histogram_quantile(0.9, wait_bucket) >= 0", 2_000)) == ["arm=naive"]


def test_a_recording_rule_is_calculated_when_it_is_asked_for() -> None:
    rules = {"arm:waiting:sum": Rule("sum by (arm) (waiting)", {"level": "arm"})}

    assert at(recorded(CALLS, rules=rules), 'arm:waiting:sum{arm="naive"} * 1', 6_000) == {"arm=naive,level=arm": 25}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("quantile(0.5, waiting)", r"quantile\(\)"),
        ("topk(2, waiting)", r"topk\(\)"),
        ("predict_linear(waiting[4s], 5)", r"predict_linear\(\)"),
        ("waiting offset 5s", "offset"),
        ("waiting @ 5", "@"),
        ("max_over_time(waiting[4s:1s])", "subquery"),
        ("rate(arm:waiting:sum[4s])", "recorded rule"),
        ("waiting atan2 waiting", "atan2"),
        ("sum(", "parenthesis"),
        ("rate(waiting)", "matrix"),
        ('waiting{arm=~"["}', "regex"),
        ("calls_total - on (arm) waiting", "several results"),
        ("waiting - on (arm) calls_total", "several series match"),
        ("round:a", "circle"),
    ],
)
def test_what_is_not_known_is_refused_by_its_name(query: str, named: str) -> None:
    rules = {"arm:waiting:sum": Rule("sum by (arm) (waiting)", {}), "round:a": Rule("round:a", {})}

    with pytest.raises(QueryError, match=named):
        at(recorded(CALLS, rules=rules), query, 6_000)


def test_a_window_holds_its_newer_end_and_not_its_older_one(calls: Evaluator) -> None:
    assert at(calls, 'count_over_time(waiting{arm="naive"}[2s])', 3_000) == {"arm=naive": 2}


def test_all_steps_are_answered_at_once(calls: Evaluator) -> None:
    found = calls.range('waiting{arm="naive"}', Grid(0, 6_000, 1_500))

    assert found.present.tolist() == [[False, True, True, True, True]]
    assert found.values[0, 1:].tolist() == [0, 4, 9, 25]


def test_an_empty_database_answers_with_nothing() -> None:
    evaluator = recorded({"one": [1.0]})

    assert evaluator.range("rate(two[5s])", Grid(0, 1_000, 500)).labels == ()
    assert evaluator.range("sum(two) or vector(0)", Grid(0, 1_000, 500)).labels == ((),)


def test_more_series_than_memory_should_hold_are_refused() -> None:
    many = recorded({f'one{{n="{number}"}}': [1.0] for number in range(600)})

    with pytest.raises(QueryError, match="too many series"):
        many.range("one", Grid(0, 10_000_000, 1_000))
    assert len(many.range("sum(one)", Grid(0, 1_000_000, 1_000)).labels) == 1
