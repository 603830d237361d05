"""Which charts a report shows, and their text alternatives."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from chaos.records import Probe
from chaos.report.arms import NAIVE, PROTECTED, THIRD, arm_styles
from chaos.report.charts import Chart, Line, drawing, figures_table, needs_log, spoken
from chaos.report.pictures import charts
from chaos.report.recorded import Recorded, Series
from chaos.scenario import Pause
from services.common.metrics import CONSUMER_CONSUMED_TOTAL, OUTBOX_UNPUBLISHED
from tests.unit.report import synthetic
from tests.unit.report.conftest import made


@cache
def recorded(name: str) -> Recorded:
    """A run's records without the detour through its folder."""
    plan = synthetic.PLANS[name]
    points: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    for line in synthetic.samples(plan):
        for key, value in line["samples"].items():
            points.setdefault((line["service"], line["arm"], key), []).append((line["t"], value))
    series = [
        Series(service, arm, key.partition("{")[0], {"link": f"{service}_to_postgres"}, tuple(values))
        for (service, arm, key), values in points.items()
    ]
    return Recorded(
        made(name), tuple(synthetic.requests(plan)), tuple(synthetic.probes(plan)), tuple(series), "", (), ()
    )


def shown(name: str) -> list[str]:
    return [chart.key for chart in charts(recorded(name))]


def test_charts_answer_what_they_got_what_they_waited_why_and_was_it_there() -> None:
    assert shown("SLOW") == ["in-time", "latency", "why", "breaker", "evidence-0"]


def test_breakers_that_never_opened_have_no_chart() -> None:
    assert "breaker" not in shown("HEALTHY")


def test_without_a_queue_for_connections_the_requests_in_progress_explain() -> None:
    by_key = {chart.key: chart for chart in charts(recorded("HEALTHY"))}

    assert "requests in progress" in by_key["why"].title
    assert "calls waiting for a database connection" in next(
        c.title for c in charts(recorded("SLOW")) if c.key == "why"
    )


def test_a_run_without_records_has_no_chart() -> None:
    empty = Recorded(made("EMPTY"), (), (), (), "", (), ())

    assert charts(empty) == ()


def refused(kind: str, arm: str, every: int) -> Recorded:
    """The records of SLOW in which each so manieth request of a kind of an arm is refused during the fault."""
    told = recorded("SLOW")
    from_s, to_s = told.run.scenario.phases.window("fault")
    hurt = [one for one in told.requests if (one.kind, one.arm) == (kind, arm) and from_s <= one.intended_s < to_s]
    chosen = {id(one) for one in hurt[::every]}
    requests = tuple(replace(one, outcome="refused") if id(one) in chosen else one for one in told.requests)
    return replace(told, requests=requests)


def test_where_some_who_look_are_not_answered_it_is_shown_how_many_are() -> None:
    """Their latency alone would show a quick shop."""
    shown_ = {chart.key: chart for chart in charts(refused("browse", "naive", 2))}

    assert list(shown_)[:3] == ["in-time", "looked", "latency"]
    assert shown_["looked"].title == "Browses answered in time, per second"
    assert "looked" not in [chart.key for chart in charts(refused("browse", "naive", 50))]
    assert "looked" not in [chart.key for chart in charts(refused("checkout", "naive", 2))]


def with_events(*points: tuple[str, float]) -> Recorded:
    """A run with events, in which a counter and a gauge have these values at 0.1 s and after."""
    run = made("SLOW")
    told = run.model_copy(update={"scenario": run.scenario.model_copy(update={"needs": ("events",)})})
    series = tuple(
        Series(service, "naive", name, {}, ((0.1, 0.0), (0.6, value)))
        for name, value in points
        for service in ("orders" if name == OUTBOX_UNPUBLISHED else "notifications",)
    )
    return Recorded(told, (), (), series, "", (), ())


def test_where_events_are_told_of_it_is_shown_how_many_were_and_what_waited() -> None:
    found = charts(with_events((CONSUMER_CONSUMED_TOTAL, 7.0), (OUTBOX_UNPUBLISHED, 60.0)))

    assert [chart.key for chart in found] == ["taken", "outbox"]
    assert [chart.lines[0].values[1] for chart in found] == [7.0, 60.0]


def test_an_outbox_in_which_next_to_nothing_waits_explains_nothing() -> None:
    assert [chart.key for chart in charts(with_events((OUTBOX_UNPUBLISHED, 4.0)))] == []


def test_without_events_the_outbox_is_not_shown_for_nobody_empties_it() -> None:
    told = with_events((OUTBOX_UNPUBLISHED, 60.0))
    assert charts(Recorded(made("SLOW"), (), (), told.series, "", (), ())) == ()


def test_an_exchange_that_failed_is_a_mark_of_its_arm() -> None:
    chart = charts(recorded("REFUSED"))[-1]

    assert {mark.arm for mark in chart.marks} == {"naive", "protected"}
    assert chart.marks[0].text == "connect: refused"
    assert "crosses: failed" in chart.note


def test_evidence_is_on_a_log_axis_only_where_figures_are_far_apart() -> None:
    assert charts(recorded("SLOW"))[-1].log
    assert not charts(recorded("HEALTHY"))[-1].log
    assert not needs_log([Line("a", "a", (None, None))])


def test_a_chart_has_its_figures_as_a_table_a_second_a_row() -> None:
    chart = next(chart for chart in charts(recorded("SLOW")) if chart.key == "latency")
    head, rows = figures_table(chart)

    assert head == ("second", "naive", "protected")
    assert len(rows) == 63
    assert rows[30][0] == "30"


def test_a_chart_is_told_in_a_sentence_with_its_medians() -> None:
    text = spoken(charts(recorded("SLOW"))[0], made("SLOW"))

    assert text.startswith("Checkouts answered in time, per second. Medians: offered: ")
    assert "naive: 4" in text
    assert "0.0 /s during" in text


def chart_of(*values: float | None, log: bool = False) -> Chart:
    return Chart("k", "t", "n", "ms", len(values), 1, 100, (Line("naive", "naive", values),), log=log)


def test_what_the_browser_gets_is_short_and_keeps_holes() -> None:
    drawn = drawing(chart_of(1234.5678, None, 3.0))

    assert drawn["lines"][0]["y"] == [1235, None, 3]


@pytest.mark.parametrize("values", [(18.0, 4000.0), (9.0, 11.0), (0.4, 0.5), (1000.0, 1000.0)])
def test_a_log_axis_holds_all_values_and_at_least_one_power_of_ten(values: tuple[float, ...]) -> None:
    low, high = drawing(chart_of(*values, log=True))["y"]

    assert low < min(values) <= max(values) < high
    assert any(low <= 10.0**power <= high for power in range(-2, 6))


def test_an_axis_without_values_is_still_an_axis() -> None:
    assert drawing(chart_of(None))["y"] == (0.0, 1.0)
    assert drawing(chart_of(None, log=True))["y"] == (0.0, 1.0)


def test_an_arm_keeps_its_colour_and_others_get_one_of_their_own() -> None:
    assert arm_styles(["naive", "protected"]) == {"naive": NAIVE, "protected": PROTECTED}
    assert arm_styles(["protected", "protected-2"]) == {"protected": PROTECTED, "protected-2": THIRD}
    assert arm_styles(["timeouts", "retries", "protected"]) == {
        "timeouts": THIRD,
        "retries": NAIVE,
        "protected": PROTECTED,
    }


def test_probes_of_a_link_that_is_not_faulted_are_not_evidence() -> None:
    base = recorded("SLOW")
    other = Probe(1.0, "naive", "inventory_to_redis", 1.0)
    chart = charts(Recorded(base.run, (), (*base.probes, other), (), "", (), ()))[-1]

    assert [text for _, text in chart.within] == ["orders_to_postgres", "inventory_to_postgres"]


def test_the_door_of_a_process_that_was_hurt_is_the_evidence() -> None:
    base = recorded("SLOW")
    fault = Pause.model_validate({"type": "pause", "services": ["orders"]})
    run = base.run.model_copy(update={"scenario": base.run.scenario.model_copy(update={"faults": (fault,)})})
    asked = tuple(Probe(float(t), "naive", "lab_to_orders", None if 20 < t < 30 else 1.0) for t in range(40))
    (chart,) = [one for one in charts(Recorded(run, (), (*base.probes, *asked), (), "", (), ())) if one.marks]

    assert {line.within for line in chart.lines} == {"lab_to_orders"}
    assert len(chart.marks) == 9


def test_the_synthetic_run_is_the_same_every_time(tmp_path: Path) -> None:
    """A picture of a test can be compared with yesterday's."""
    assert list(synthetic.requests(synthetic.SLOW))[:50] == list(recorded("SLOW").requests)[:50]
