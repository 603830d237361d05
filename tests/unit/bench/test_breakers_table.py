"""The breaker table as text, what it holds our own breaker to, and the page that keeps it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaos.bench.breakers.cases import Probed, TimedOut
from chaos.bench.breakers.table import BEGINS, CASES, ENDS, HEADER, Case, Row, faults, kept, markdown

PAGE = Path(__file__).parents[3] / "docs" / "breaker-table.md"
GOOD = Row(
    "this project",
    timed_out=TimedOut(6, ran_on=0),
    after_cancel="open",
    probed=Probed("half-open", "at once"),
    flood=1,
    grown=-40,
    cost_us=1.0,
)
PEER = replace(GOOD, name="peer 1.0", grown=24_800_000, cost_us=0.5, timed_out=TimedOut(6, ran_on=6))


def test_a_row_is_a_line_of_the_table() -> None:
    lines = markdown([GOOD, PEER], bare_us=0.1, python="3.11.7").splitlines()

    assert lines[0] == f"| {' | '.join(HEADER)} |"
    assert lines[2] == "| this project | 6 | nothing | open | half-open; at once | 1 | 0 kB | 1.00 |"
    assert lines[3] == "| peer 1.0 | 6 (6 ran on) | nothing | open | half-open; at once | 1 | 24.8 MB | 0.50 |"
    assert lines[5] == "CPython 3.11.7; T is over a bare await, which took 0.100 us."


def test_a_case_that_could_not_be_done_is_na_with_its_reason_once() -> None:
    reasons: dict[Case, str] = {"A": "no such method", "C": "no such method", "E": "no such method", "M": "too old"}
    row = Row("peer 1.0", probed=GOOD.probed, reasons=reasons)
    lines = markdown([row], bare_us=0.1, python="3.11.7").splitlines()

    assert lines[2] == ("| peer 1.0 | n/a [1] | n/a [1] | n/a [1] | half-open; at once | n/a [1] | n/a [2] | n/a [3] |")
    assert lines[5:] == [
        "", "[1] peer 1.0: no such method.", "", "[2] peer 1.0: too old.", "", "[3] peer 1.0: no reason is known.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reached", "state", "counts_as"),
    [(6, "open", "nothing"), (6, "closed", "success"), (3, "open", "failure"), (3, "closed", "failure")],
)
def test_a_and_c_together_say_what_a_cancelled_call_counts_as(reached: int, state: str, counts_as: str) -> None:
    row = replace(GOOD, timed_out=TimedOut(reached, ran_on=0), after_cancel=state)

    assert row.cancel_counts_as == counts_as


def test_our_breaker_without_a_fault_has_none() -> None:
    assert faults(GOOD, [PEER]) == []


@pytest.mark.parametrize(
    ("change", "case"),
    [
        ({"timed_out": TimedOut(6, ran_on=1)}, "A:"),
        ({"timed_out": TimedOut(3, ran_on=0)}, "A:"),
        ({"after_cancel": "closed"}, "C:"),
        ({"after_cancel": "half-open"}, "C:"),
        ({"probed": Probed("closed", "at once")}, "D:"),
        ({"probed": Probed("half-open", "never")}, "D:"),
        ({"flood": 0}, "E:"),
        ({"flood": 2}, "E:"),
        ({"grown": 20_001}, "M:"),
        ({"cost_us": 1.51}, "T:"),
    ],
)
def test_each_case_can_find_our_breaker_at_fault(change: dict[str, Any], case: str) -> None:
    assert any(fault.startswith(case) for fault in faults(replace(GOOD, **change), [PEER]))


@pytest.mark.parametrize("change", [{"grown": 20_000}, {"cost_us": 1.5}])
def test_what_is_just_allowed_is_no_fault(change: dict[str, Any]) -> None:
    assert faults(replace(GOOD, **change), [PEER]) == []


def test_a_case_that_could_not_be_done_with_ours_is_a_fault() -> None:
    row = Row("this project", reasons=dict.fromkeys(CASES, "ValueError"))

    assert faults(row, [PEER]) == [f"{case}: ValueError" for case in CASES]


def test_without_a_peer_the_price_is_not_proven() -> None:
    """A run in which no peer could be imported must not look like a comparison."""
    assert faults(GOOD, [replace(PEER, cost_us=None)]) == ["T: no other breaker to compare with"]


def test_a_table_takes_the_place_of_the_one_before() -> None:
    page = f"# Page\n\n{BEGINS}\nold\n\n{ENDS}\nAfter.\n"

    assert kept(page, "new\n") == f"# Page\n\n{BEGINS}\nnew\n\n{ENDS}\nAfter.\n"
    assert kept(kept(page, "new\n"), "new\n") == kept(page, "new\n")


@pytest.mark.parametrize("page", ["# Page\n", BEGINS, ENDS])
def test_a_page_without_a_place_for_it_is_an_error(page: str) -> None:
    with pytest.raises(ValueError, match="where its table begins and ends"):
        kept(page, "new\n")


def test_the_page_keeps_a_whole_table_of_this_shape() -> None:
    """Its header is the code's, our row comes first, and our row is without a fault that text can show."""
    page = PAGE.read_text(encoding="utf-8")
    lines = [line for line in page.partition(BEGINS)[2].partition(ENDS)[0].splitlines() if line.startswith("|")]

    assert lines[0] == f"| {' | '.join(HEADER)} |"
    assert lines[2].startswith("| this project | 6 | nothing | open | half-open; at once | 1 | 0 kB | ")
    assert not any("n/a" in line for line in lines)
