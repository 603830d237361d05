"""The table of a comparison, its sentence, and the charts that an ordinary report gets of handlers."""

from dataclasses import replace

from chaos.compare.page import Compared
from chaos.compare.rows import ArmRow
from chaos.compare.words import table, why
from chaos.report.arms import NAIVE, PROTECTED, THIRD, arm_styles
from chaos.report.handler_pictures import lags_ms
from chaos.report.pictures import charts
from chaos.report.summary import plain


def row(found: Compared, arm: str) -> ArmRow:
    return next(one for one in found.rows if one.arm == arm)


def cells(found: Compared, label: str) -> tuple[str, ...]:
    return next(line.cells for line in table(found.rows) if line.label.startswith(label))


def test_the_blocking_arm_by_hand(slow_database: Compared) -> None:
    """100 of 20 s x 20 /s are in time: 5 /s. The reservations are counted where inventory is called."""
    found = row(slow_database, "blocking")

    assert found.goodput_per_s == 5.0
    assert found.handled_per_s is not None
    assert round(found.handled_per_s, 6) == 6.0
    assert found.hurt_ms == (20.0, 5000.0)
    assert found.innocent_ms == (20.0, 5000.0)
    assert (found.looks, found.looks_answered) == (40, 0)


def test_a_lag_that_nobody_saw_is_taken_from_the_histogram(slow_database: Compared) -> None:
    lags = lags_ms(slow_database.recorded, "blocking")

    assert row(slow_database, "blocking").lag_ms == (8.0, 2048.0)
    assert row(slow_database, "def").lag_ms == (8.0, 12.0)
    # The fault lasts from 13 to 33 s; cells are half a second wide.
    assert set(lags[26:66]) == {2048.0}
    assert set(lags[:26]) == set(lags[66:]) == {8.0}


def test_the_table_puts_arms_beside_each_other(slow_database: Compared) -> None:
    assert cells(slow_database, "checkouts answered in time") == ("20.0 /s", "20.0 /s", "5.0 /s")
    assert cells(slow_database, "at most") == (
        "10 / (2 x 0.15 s) = 33.3 /s", "10 / 0.15 s = 66.7 /s", "1 / 0.15 s = 6.7 /s",
    )  # fmt: skip
    assert cells(slow_database, "listing latency") == ("20 → 20 ms", "20 → 20 ms", "20 → 5,000 ms")
    # Nobody knows how many threads a process used that did not answer.
    assert cells(slow_database, "threads used") == ("0 of 40", "7 of 40", "-")


def test_the_sentence_says_who_held_the_loop_and_who_waited_elsewhere(slow_database: Compared) -> None:
    said = plain(why(slow_database.rows))

    assert said == (
        "blocking held its event loop for up to 2,048 ms, inventory answered 6.0 of 20.0 reservations a second (at most"
        " 1 / 0.15 s = 6.7 /s), and listing, which needs only a free loop, went from 20 to 5,000 ms (p95); async and"
        " def never held their loops longer than 12 ms (def waited in 7 of 40 threads instead), so listing took 20 ms"
        " at most (p95)."
    )


def test_the_sentence_goes_by_figures_and_not_by_names(slow_database: Compared) -> None:
    swapped = [replace(one, arm="def") for one in slow_database.rows if one.arm == "blocking"]

    assert plain(why(swapped)).startswith("def held its event loop for up to 2,048 ms")
    assert "held its" not in plain(why([row(slow_database, "async")])).replace("never held its", "")


def test_without_samples_there_is_a_table_and_no_reason(slow_database: Compared) -> None:
    bare = [
        replace(one, lag_ms=(None, None), tokens=None, tokens_used=None, tokens_waiting=None, handled_per_s=None)
        for one in slow_database.rows
    ]

    assert plain(why(bare)) == "No event loop was recorded, so nothing says why."
    assert {line.cells for line in table(bare) if line.label.startswith("threads")} == {("-", "-", "-")}


def test_an_ordinary_report_of_handlers_explains_by_loop_and_threads(slow_database: Compared) -> None:
    assert [chart.key for chart in charts(slow_database.recorded)] == ["in-time", "latency", "lag", "tokens"]


def test_without_their_series_handlers_are_explained_as_others_are(slow_database: Compared) -> None:
    bare = replace(slow_database.recorded, series=())

    assert [chart.key for chart in charts(bare)] == ["in-time", "latency"]


def test_handlers_have_colours_of_their_own() -> None:
    assert arm_styles(["async", "def", "blocking"]) == {"async": THIRD, "def": PROTECTED, "blocking": NAIVE}
    assert len(set(arm_styles(["protected", "def", "naive"]).values())) == 3
