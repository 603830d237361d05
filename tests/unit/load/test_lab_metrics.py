"""The page on which the lab says what it does."""

from prometheus_client.parser import text_string_to_metric_families

from chaos.lab_metrics import FAULT_ACTIVE, PHASE, PHASES, RUN_INFO, FaultLabels, RunLabels, page

RUN = RunLabels("slow-db", 7, "local")


def series(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text)
    }


def test_a_page_says_run_phase_and_faults() -> None:
    """Every fault is there with 0 or 1, and of the phases one is 1."""
    slow, cut = FaultLabels("naive", 'a "slow" \\ one', "orders_to_postgres"), FaultLabels("b", "down", "x")

    found = series(page(RUN, "fault", {slow: True, cut: False}))

    assert found[RUN_INFO] == [({"scenario": "slow-db", "seed": "7", "engine": "local"}, 1)]
    assert found[FAULT_ACTIVE] == [
        ({"arm": "naive", "fault": 'a "slow" \\ one', "target": "orders_to_postgres"}, 1),
        ({"arm": "b", "fault": "down", "target": "x"}, 0),
    ]
    assert [labels["phase"] for labels, _ in found[PHASE]] == list(PHASES)
    assert {labels["phase"] for labels, value in found[PHASE] if value} == {"fault"}


def test_a_run_without_faults_has_none() -> None:
    assert FAULT_ACTIVE not in series(page(RUN, "start", {}))
