"""`make bench-breakers`: our circuit breaker beside others on the same cases, as one Markdown table.

A new one is a new file in chaos/bench/breakers/subjects, with `SUBJECTS`; nothing here changes. The exit code is 1
where our own breaker fails a case, whatever the others do.
"""

import argparse
import asyncio
import importlib
import pkgutil
import platform
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from chaos.bench.awaiting import nothing
from chaos.bench.breakers import cases, costs, subjects
from chaos.bench.breakers.guard import Build, Guarded, Subject
from chaos.bench.breakers.subjects import ours
from chaos.bench.breakers.table import CASES, Case, Row, faults, keep, markdown

PAGE = Path("docs/breaker-table.md")
CASE_WITHIN_S = 60.0

T = TypeVar("T")


def main(arguments: Sequence[str]) -> int:
    """Run every case with every breaker and print the table; `--keep` also writes it into its page."""
    parser = argparse.ArgumentParser(prog="bench-breakers", description=main.__doc__)
    parser.add_argument("--keep", action="store_true", help=f"write the table into {PAGE}")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    try:
        rows, bare_us = asyncio.run(_rows())
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    table = markdown(rows, bare_us, platform.python_version())
    print(table, end="")  # noqa: T201 - the table is what this program is for
    found = faults(rows[0], rows[1:])
    for fault in found:
        _tell(f"our own breaker: {fault}")
    if options.keep:
        keep(PAGE, table)
        _tell(f"kept in {PAGE}")
    return 1 if found else 0


async def _rows() -> tuple[list[Row], float]:
    """Return the rows, ours first, and the microseconds of a bare await."""
    peers, missing = _peers()
    rows, guarded = [], {}
    for subject in ours.SUBJECTS + peers:
        _tell(f"{_name(subject)} ...")
        row, call = await _row(subject)
        rows.append(row)
        if call is not None:
            guarded[row.name] = call
    _tell("the time of a call, all in turns ...")
    bare_us, beyond = await costs.happy_path(guarded)
    return [replace(row, cost_us=beyond.get(row.name)) for row in rows] + missing, bare_us


def _peers() -> tuple[list[Subject], list[Row]]:
    """Import what there is beside ours; what cannot be imported has a row that says so."""
    found: list[Subject] = []
    missing: list[Row] = []
    for module in pkgutil.iter_modules(subjects.__path__, f"{subjects.__name__}."):
        if module.name == ours.__name__:
            continue
        try:
            found += importlib.import_module(module.name).SUBJECTS
        except Exception as error:  # noqa: BLE001 - a package may fail in any way on a Python newer than itself
            missing.append(Row(module.name.rpartition(".")[2], reasons=dict.fromkeys(CASES, str(error))))
    return found, missing


async def _row(subject: Subject) -> tuple[Row, Guarded | None]:
    """Run the cases with one breaker; also return a guarded call for the happy path, None where that fails."""
    reasons: dict[Case, str] = {}

    async def done(case: Case, run: Callable[[Build], Coroutine[Any, Any, T]]) -> T | None:
        try:
            async with asyncio.timeout(CASE_WITHIN_S):
                return await run(subject.build)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, and costs no other case
            reasons[case] = str(error) or type(error).__name__
            return None

    row = Row(
        _name(subject),
        timed_out=await done("A", cases.timed_out_by_the_caller),
        after_cancel=await done("C", cases.cancelled_between_failures),
        probed=await done("D", cases.cancelled_probe),
        flood=await done("E", cases.flood_at_recovery),
        grown=await done("M", costs.grown_bytes),
        reasons=reasons,
    )
    return row, await done("T", _around_nothing)


def _name(subject: Subject) -> str:
    package = f"{subject.distribution} {version(subject.distribution)}" if subject.distribution else "this project"
    return f"{package}, {subject.form}" if subject.form else package


async def _around_nothing(build: Build) -> Guarded:
    call = (await build(cases.STAYS_OPEN_S)).around(nothing)
    await call()
    return call


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - beside the table


def _stop(signum: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + signum)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
