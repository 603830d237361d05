"""The program that fills the breaker table: its exit code, and one breaker's trouble that costs no other."""

import asyncio
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from chaos.bench.breakers import __main__ as program
from chaos.bench.breakers.cases import Probed, TimedOut
from chaos.bench.breakers.guard import Guard, Subject
from chaos.bench.breakers.table import BEGINS, CASES, ENDS, Row

OURS = Row("this project", TimedOut(6, 0), "open", Probed("half-open", "at once"), flood=1, grown=0, cost_us=1.0)
BAD_PEER = Row("peer 1.0", TimedOut(3, 0), "closed", Probed("open", "never"), flood=100, grown=10**8, cost_us=1.0)


@pytest.fixture
def with_rows(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give the program its rows, and leave the signals of the test run alone."""

    def give(*rows: Row) -> None:
        async def measured() -> tuple[list[Row], float]:
            return list(rows), 0.1

        monkeypatch.setattr(program, "_rows", measured)
        monkeypatch.setattr(signal, "signal", lambda *_: None)

    return give


def test_what_the_others_do_is_no_fault_of_ours(
    with_rows: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with_rows(OURS, BAD_PEER)

    assert program.main([]) == 0
    assert capsys.readouterr().out.startswith("| breaker |")


def test_a_fault_of_ours_is_told_and_the_exit_code_is_1(
    with_rows: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with_rows(Row("this project", TimedOut(6, 0), "open", OURS.probed, flood=100, grown=0, cost_us=1.0), BAD_PEER)

    assert program.main([]) == 1
    assert "our own breaker: E: 100 calls" in capsys.readouterr().err


def test_keep_writes_the_table_into_the_page(
    with_rows: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{BEGINS}\n{ENDS}")
    monkeypatch.setattr(program, "PAGE", page)
    with_rows(OURS, BAD_PEER)

    program.main([])
    assert "this project" not in page.read_text()
    program.main(["--keep"])
    assert "| this project | 6 | nothing |" in page.read_text()


def test_a_breaker_that_cannot_be_built_has_its_reason_in_every_case() -> None:
    async def broken(_open_s: float) -> Guard:
        raise TypeError("unexpected argument")

    row, call = asyncio.run(program._row(Subject(None, "broken", broken)))

    assert call is None
    assert row == Row("this project, broken", reasons=dict.fromkeys(CASES, "unexpected argument"))


def test_a_case_that_does_not_end_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "CASE_WITHIN_S", 0.0)

    async def stuck(_open_s: float) -> Guard:
        await asyncio.Event().wait()
        raise AssertionError

    row, _ = asyncio.run(program._row(Subject(None, None, partial(stuck))))

    assert row.reasons == dict.fromkeys(CASES, "TimeoutError")
