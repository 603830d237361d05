"""`make bench`: run every measurement of chaos/bench/measurements, print a table, write runs/bench/latest.json.

A new measurement is a new file in that folder, with `measure() -> list[Measurement]`; nothing here changes.
"""

import importlib
import json
import pkgutil
import signal
import sys
from pathlib import Path
from typing import NoReturn, TextIO

from chaos.bench import measurements
from chaos.bench.measurement import Measurement
from chaos.errors import LabError, RunFolderError
from resilience.clock import SystemClock

RESULTS = Path("runs/bench/latest.json")


def main() -> int:
    """Run the benchmark; returns the exit code of the process, 1 where a measurement failed."""
    signal.signal(signal.SIGTERM, _stop)
    clock = SystemClock()
    began = clock.now()
    _say(f"{'':<72}{'value':>10}{'reference':>12}{'ratio':>9}")
    lines: list[Measurement] = []
    failed = 0
    try:
        for module in pkgutil.iter_modules(measurements.__path__, f"{measurements.__name__}."):
            measured = _measured(module.name)
            lines += measured
            failed += not measured
        _write(lines)
    except LabError as error:
        _say(f"bench: {error}", sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    _say(f"{clock.now() - began:.0f} s, written to {RESULTS}")
    return 1 if failed else 0


def _measured(module: str) -> list[Measurement]:
    """Run one measurement and print its lines; empty where it failed, for that must not cost the others."""
    try:
        lines: list[Measurement] = importlib.import_module(module).measure()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        _say(f"{module.rpartition('.')[2]} failed: {type(error).__name__}: {error}")
        return []
    for line in lines:
        _say(f"{line.name:<72}{_figure(line.value):>10}{_figure(line.reference):>12}{line.ratio:>9,.2f}  {line.unit}")
    return lines


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"  # noqa: PLR2004 - three figures are enough


def _write(lines: list[Measurement]) -> None:
    """Replace the results of the last run at once; raises RunFolderError."""
    part = RESULTS.with_suffix(".part")
    try:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps([line.as_json() for line in lines], indent=2) + "\n")
        part.replace(RESULTS)
    except OSError as error:
        raise RunFolderError(f"{RESULTS} cannot be written: {error.strerror}") from error


def _say(line: str, to: TextIO = sys.stdout) -> None:
    print(line, file=to, flush=True)


def _stop(signum: int, _frame: object) -> NoReturn:
    """End as after Ctrl-C, so that every child is stopped on the way out."""
    raise SystemExit(128 + signum)


if __name__ == "__main__":
    sys.exit(main())
