"""The paragraph says what the figures say, and nothing else."""

import pytest

from chaos.booked import Delay, EventBooks
from chaos.outage import Outage
from chaos.report.evidence_words import evidence_lack, evidence_line
from chaos.report.summary import first_failure, missing, plain, summary
from chaos.run import Evidence, Figure, Run
from chaos.scenario import Kill
from tests.unit.report.conftest import made
from tests.unit.report.synthetic import SLOW, probes


def text(run: Run) -> str:
    return plain(summary(run))


def changed(run: Run, arm: str, phase: str, **figures: float | None) -> Run:
    """Return the run with other values; a figure is named with `__` for its dot."""
    own = {name.replace("__", "."): Figure(value=value, n=800) for name, value in figures.items()}
    phases = run.figures[arm] | {phase: run.figures[arm][phase] | own}
    return run.model_copy(update={"figures": run.figures | {arm: phases}})


def test_a_confirmed_run_tells_what_the_fault_did_to_each_arm_and_when_it_was_over(slow: Run) -> None:
    run = changed(slow, "naive", "baseline", checkout__in_time_share=1.0, browse__p95_ms=18.0)
    run = changed(
        run, "naive", "fault", checkout__in_time_share=0.34, checkout__gave_up_share=0.6, checkout__refused_share=0.0,
        browse__p95_ms=3966.0, browse__in_time_share=0.772,
    )  # fmt: skip
    run = changed(run, "naive", "recovery", recovery_s=14.0)

    assert text(run).startswith(
        "While Postgres answered 800 ms late, the naive shop answered 34.0 % of checkouts in time (100 % before), let"
        " 60.0 % of them wait until the customer gave up after 5 s, slowed browsing from 18 to 3,966 ms (p95) with"
        " 77.2 % in time, and was back 14.0 s after the fault. The protected shop "
    )


def test_an_arm_that_refuses_is_said_to_refuse_and_how_fast(slow: Run) -> None:
    run = changed(slow, "protected", "fault", checkout__refused_share=0.97, checkout__refused_p95_ms=7.0)

    assert "refused 97.0 % of them within 7 ms (p95), kept browsing at" in text(run)


def reading(run: Run) -> Run:
    """Return the run as one in which customers read products instead of browsing, 20 a second."""
    load = run.scenario.load.model_copy(update={"browse_per_s": 0.0, "product_per_s": 20.0})
    run = run.model_copy(update={"scenario": run.scenario.model_copy(update={"load": load})})
    for arm in ("naive", "protected"):
        for phase in ("baseline", "fault"):
            run = changed(run, arm, phase, product__in_time_share=1.0, product__p95_ms=10.0)
    return run


def test_of_those_who_look_the_kind_that_there_is_is_told_of(slow: Run) -> None:
    said = text(changed(reading(slow), "protected", "fault", product__p95_ms=95.0))

    assert "kept reading products at 10 ms (p95) with 100 % in time" in said
    assert "slowed reading products from 10 to 95 ms (p95) with 100 % in time" in said
    assert "brows" not in said


def test_of_those_who_were_not_answered_it_is_not_told_how_soon(slow: Run) -> None:
    """A refusal in a millisecond is no quick answer."""
    run = changed(reading(slow), "naive", "fault", product__in_time_share=0.229, product__refused_share=0.771)

    assert "answered 22.9 % of product reads in time (100 % before)" in text(run)
    assert text(run).count("reading products at") == 1


def notified(run: Run, **counts: int | Delay) -> Run:
    """Return the run with events, of which naive's books say this of 364 orders."""
    books = EventBooks(published=364, unpublished=0, repeated=0, unreadable=0, waiting=0, notified=364, missing=0,
                       doubled=0).model_copy(update=counts)  # fmt: skip
    kept = run.ledger["naive"].model_copy(update={"acknowledged": 364, "events": books})
    return run.model_copy(update={"ledger": run.ledger | {"naive": kept}})


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({}, "notified every customer once"),
        ({"missing": 203}, "never notified 203 of 364 customers"),
        ({"doubled": 60}, "notified 60 customers twice"),
        ({"delay": Delay(n=364, p50_ms=40, p99_ms=20_000, max_ms=20_869)},
         "notified the last customer 20.9 s after the order"),
        ({"delay": Delay(n=364, p50_ms=40, p99_ms=60, max_ms=90)}, "notified every customer once"),
    ],
)  # fmt: skip
def test_where_orders_are_told_of_it_is_said_whether_each_customer_was_notified(
    slow: Run, counts: dict[str, int | Delay], said: str
) -> None:
    assert text(notified(slow, **counts)).count("notified") == 1
    assert said in text(notified(slow, **counts))
    assert "notified" not in text(slow)


def test_no_collapse_is_claimed_that_did_not_happen() -> None:
    """With a fault that hurt nobody nothing slowed, nobody waited and no recovery is reported."""
    said = text(made("REFUTED"))

    assert said.count("answered 100 % of checkouts in time and kept browsing at") == 2
    assert not any(word in said for word in ("slowed", "before)", "wait", "back", "recovered"))


def test_a_refuted_run_names_the_first_expectation_that_failed_with_both_figures() -> None:
    assert text(made("REFUTED")).endswith(
        "Not as expected: naive during, checkout answered in time: 100 %, expected at most 50 % (and 2 more)."
    )


def test_a_loss_comes_before_every_expectation() -> None:
    run = made("LOST")

    assert run.verdict.word == "REFUTED"
    assert first_failure(run).startswith("naive: 2 acknowledged orders are lost")
    assert "Not as expected: naive: 2 acknowledged orders are lost" in text(run)


def test_a_run_without_evidence_says_so_first_and_does_not_claim_the_fault() -> None:
    """The fault was not seen, so no sentence may say that Postgres was slow."""
    said = text(made("BLIND"))

    assert said.startswith("This run proves nothing: the fault was not seen at the victim as it must be. What was meas")
    assert "Postgres" not in said


def test_what_was_missing_comes_with_what_to_do() -> None:
    found = missing(made("EMPTY"))

    assert [one.lack for one in found][-1] == evidence_lack("ledger_readable")
    assert all(one.detail and one.remedy for one in found)


def test_only_a_run_that_proves_nothing_misses_something(any_run: Run) -> None:
    assert bool(missing(any_run)) is (any_run.verdict.word == "NOT PROVEN")


def test_a_scenario_that_expects_nothing_proves_nothing() -> None:
    assert text(made("UNASKED")).startswith("This run proves nothing: nothing was expected.")


def test_a_run_without_records_claims_no_figure() -> None:
    said = text(made("EMPTY"))

    assert "the naive shop left no figures to compare. The protected shop left no figures to compare." in said
    assert "%" not in said


def test_a_scenario_without_fault_is_not_said_to_break_or_recover() -> None:
    said = text(made("HEALTHY"))

    assert said.startswith("With nothing broken, the naive shop answered 100 % of checkouts in time and kept browsing")
    assert "after the fault" not in said


def test_one_arm_gets_one_sentence() -> None:
    said = text(made("ALONE"))

    assert said.startswith("While Postgres answered 800 ms late, the protected shop answered ")
    assert " The " not in said


def test_three_arms_get_a_sentence_each() -> None:
    said = text(made("THREE"))

    assert [
        said.count(f"the {arm} shop") + said.count(f"The {arm} shop") for arm in ("naive", "protected", "timeouts")
    ] == [1] * 3


def test_equal_arms_are_told_to_be_equal_by_their_intervals() -> None:
    run = made("EQUAL")
    around_zero = sum(one.low <= 0 <= one.high for one in run.differences)

    assert f"All arms run the same profile; {around_zero} of {len(run.differences)} differences" in text(run)


def test_an_arm_that_was_not_back_when_the_run_ended_is_not_said_to_have_recovered() -> None:
    said = text(made("CENSORED"))

    assert "and had not recovered 22.0 s after the fault. The protected" in said


def test_a_fault_that_was_never_in_force_is_not_claimed(slow: Run) -> None:
    said = text(slow.model_copy(update={"fault_windows": ()}))

    assert said.startswith("With no fault in force, the naive shop")
    assert "after the fault" not in said


def test_a_refused_connection_is_told_as_such() -> None:
    assert text(made("REFUSED")).startswith("While Postgres refused connections, the naive shop")


def test_the_evidence_line_says_where_the_fault_was_seen_and_how_true_the_load_was(slow: Run) -> None:
    line = evidence_line(slow, list(probes(SLOW)))

    assert line.startswith("fault seen on orders_to_postgres, inventory_to_postgres (802 to 804 ms), load ")
    assert line.endswith("ms late at p99, 0 lost, 0 doubled")


def test_the_evidence_line_counts_exchanges_that_failed() -> None:
    run = made("REFUSED")

    assert "exchanges failed)" in evidence_line(run, list(probes(SLOW.__class__(faults=run.scenario.faults))))


def test_a_run_without_load_has_no_lateness() -> None:
    assert evidence_line(made("EMPTY"), []) == "fault not seen at the victim, no load, no ledger"


def killed(run: Run, *ready_s: float) -> Run:
    """Return the run with a kill of orders in each arm instead of its fault; they were ready again at `ready_s`."""
    outages = tuple(
        Outage(
            service="orders", arm=arm.name, process=f"orders-{arm.slot}", signal="SIGKILL",
            from_s=18.0, back_s=20.0, ready_s=at_s, same_process=False, began_s=20.0,
        )
        for arm, at_s in zip(run.arms, ready_s, strict=True)
    )  # fmt: skip
    fault = Kill.model_validate({"type": "kill", "services": ["orders"], "attributes": {"down_ms": 2000}})
    seen = Evidence(name="fault_seen.orders", holds=True, detail="")
    others = tuple(one for one in run.evidence if not one.name.startswith("fault_seen"))
    scenario = run.scenario.model_copy(update={"faults": (fault,)})
    return run.model_copy(update={"outages": outages, "scenario": scenario, "evidence": (seen, *others)})


def test_a_process_that_was_killed_is_told_with_how_long_it_was_away(slow: Run) -> None:
    """From the shortest to the longest of the arms, where they differ."""
    run = killed(slow, 20.6, 21.1)

    assert text(run).startswith("While orders died by SIGKILL and began again 2 s later, the naive shop ")
    assert evidence_line(run, []).startswith("orders dead for 2.6 to 3.1 s, load ")
    assert evidence_line(killed(slow, 20.6, 20.61), []).startswith("orders dead for 2.6 s, load ")
