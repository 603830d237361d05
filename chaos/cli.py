"""The command line: what can be asked of the lab. Each command's work is in `chaos.commands`.

Exit codes: 0 CONFIRMED (or done), 1 REFUTED, 2 NOT PROVEN, 3 the lab says what is wrong, 70 a defect of the lab,
130 and 143 interrupted.
"""

import argparse
import difflib
import re
import sys
import traceback
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn

from chaos import commands, lab_commands, load_commands
from chaos.compare import command as compare_command
from chaos.errors import LabError, UsageError
from chaos.interrupt import Interrupted
from chaos.soak import command as soak_command
from chaos.toxiproxy import command as toxiproxy_command
from chaos.watch.command import PORT as WATCH_PORT

EPILOG = """\
first steps:
  lab list                           what can be asked
  lab run slow-db                    ask it: two arms, one fault, a verdict, a report
  lab run slow-db --seed 8           the same question under other arrivals
  lab run slow-db --set faults.0.attributes.latency=200
                                     how slow is too slow?
  lab run slow-db --arms protected,protected
                                     two equal arms: must show no difference

exit codes of run: 0 CONFIRMED, 1 REFUTED, 2 NOT PROVEN, 3 a clear error, 130 or 143 interrupted.
"""


# EX_SOFTWARE of sysexits.h.
DEFECT = 70
LAST_PORT = 65_535
MOST_RUNS = 1_000
# argparse's own words, for which it has no hook.
_UNKNOWN_COMMAND = re.compile(r"argument COMMAND: invalid choice: '([^']*)'")


class _Parser(argparse.ArgumentParser):
    """An argparse parser whose errors are the lab's own (exit 3: argparse's 2 would read as NOT PROVEN)."""

    commands: Collection[str] = ()

    def error(self, message: str) -> NoReturn:
        unknown = _UNKNOWN_COMMAND.match(message)
        near = difflib.get_close_matches(unknown[1], self.commands, n=1) if unknown else []
        hint = f"\ndid you mean `lab {near[0]}`?" if near else ""
        raise UsageError(f"{message}\n{self.format_usage().strip()}{hint}")


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of every command."""
    parser = _Parser(
        prog="lab",
        description="Break a small shop of real FastAPI services on purpose, and see what its protections are worth.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.add_argument(
        "--root", type=Path, default=Path.cwd(), help="the checkout with compose.yaml (default: this folder)"
    )
    parser.add_argument("--runs", type=Path, help="where runs are kept (default: runs/ of the checkout)")
    todo = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)

    todo.add_parser("list", help="the scenarios, each with its question").set_defaults(do=commands.list_scenarios)

    run = todo.add_parser("run", help="run a scenario and judge it", description="Run a scenario and judge it.")
    run.add_argument("name", metavar="NAME", help="a scenario of `lab list`, or a path to a scenario file")
    run.add_argument("--seed", type=_seed, default=7, help="of arrivals and of the customers' choices (default: 7)")
    run.add_argument("--arms", metavar="A,B", help="other profiles than the file's, one to three, comma between")
    run.add_argument(
        "--set", action="append", default=[], dest="sets", metavar="KEY=VALUE",
        help="change a value of the file, e.g. phases.fault_s=10 (may be repeated)",
    )  # fmt: skip
    _add_engine(run, "local, or the lab that is up")
    run.set_defaults(do=commands.run)

    _add_series(todo)
    profiles = todo.add_parser("profiles", help="the profiles, what one of them sets, and what contradicts what")
    profiles.add_argument("name", metavar="NAME", nargs="?", help="one profile, link by link (default: all, in short)")
    profiles.set_defaults(do=commands.profiles)

    up = todo.add_parser("up", help="start the shop and leave it running", description="Start the shop and return.")
    up.add_argument("--arms", metavar="A,B", default="naive,protected", help="profiles (default: naive,protected)")
    up.add_argument("--foreground", action="store_true", help="stay, and stop it with Ctrl-C")
    _add_engine(up, "local")
    up.set_defaults(do=lab_commands.up)
    todo.add_parser("down", help="stop what `lab up` started").set_defaults(do=lab_commands.down)
    todo.add_parser("status", help="what runs, where").set_defaults(do=lab_commands.status)
    todo.add_parser("ps", help="what runs, as the engine itself shows it").set_defaults(do=lab_commands.ps)
    logs = todo.add_parser("logs", help="the last lines of what the services print")
    logs.add_argument("services", metavar="SERVICE", nargs="*", help="e.g. orders-a (default: all)")
    logs.set_defaults(do=lab_commands.logs)
    todo.add_parser("doctor", help="what this machine has, and what it lacks").set_defaults(do=commands.doctor)

    load_commands.add_parsers(todo)
    toxiproxy_command.add_parser(todo)

    report = todo.add_parser("report", help="write a run's report again, and say where it is")
    report.add_argument("run", metavar="RUN", nargs="?", help="a folder or <scenario>[/<time>] (default: the newest)")
    report.set_defaults(do=commands.report)

    _add_lookers(todo)
    parser.commands = todo.choices
    return parser


def _add_series(todo: Any) -> None:
    compare = todo.add_parser("compare-handlers", help="async, def and blocking handlers: two scenarios, one page")
    compare.add_argument("--seed", type=_seed, default=7, help="of both runs (default: 7)")
    _add_engine(compare, "local, or the lab that is up")
    compare.set_defaults(do=compare_command.compare_handlers)

    soak = todo.add_parser("soak", help="kill another process at another moment, again and again: is anything lost?")
    soak.add_argument("--count", type=_count, default=20, help="how many runs (default: 20)")
    soak.add_argument("--first", type=_seed, default=1, help="the seed of the first; the others follow it (default: 1)")
    _add_engine(soak, "local, or the lab that is up")
    soak.set_defaults(do=soak_command.soak)


def _add_lookers(todo: Any) -> None:
    watch = todo.add_parser("watch", help="the dashboards in a browser: a run as it goes on, or one that is over")
    watch.add_argument("--port", type=_port, default=WATCH_PORT, help=f"on 127.0.0.1 (default: {WATCH_PORT})")
    watch.set_defaults(do=commands.watch)

    validate = todo.add_parser("validate", help="check a scenario file without running it")
    validate.add_argument("file", metavar="FILE")
    validate.set_defaults(do=commands.validate)


def _add_engine(parser: argparse.ArgumentParser, default: str) -> None:
    what = f"plain processes, or docker compose (default: {default})"
    parser.add_argument("--engine", choices=("local", "compose"), help=what)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no seed; give a whole number from 0 on")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MOST_RUNS:
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number from 1 to {MOST_RUNS}")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 1 to 65535")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the process's exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        options = build_parser().parse_args(arguments)
        code: int = options.do(options)
    except Interrupted as stop:
        print(f"lab: {stop}; nothing is left running", file=sys.stderr)
        return stop.exit_code
    except LabError as error:
        if debug:
            raise
        print(f"lab: {error}", file=sys.stderr)
        return error.exit_code
    except Exception:  # noqa: BLE001 - a defect of ours; Python's own exit code for it, 1, would read as REFUTED
        traceback.print_exc()
        return DEFECT
    return code
