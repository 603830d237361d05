"""`lab toxiproxy`: the embedded Toxiproxy on its own, with the original's flags."""

import argparse
from typing import Any

from chaos.toxiproxy.server.flags import add_flags, flags_of

DESCRIPTION = "Toxiproxy without its binary: the same HTTP API, toxics and flags. Ends with Ctrl-C."


def add_parser(todo: Any) -> None:
    """Add the command to the lab's subparsers."""
    parser = todo.add_parser("toxiproxy", help="Toxiproxy, embedded, for any program", description=DESCRIPTION)
    add_flags(parser)
    parser.set_defaults(do=serve)


def serve(options: argparse.Namespace) -> int:
    """Serve until a signal ends it; return the exit code."""
    # Here, so that no other command pays for a web server's import.
    from chaos.toxiproxy.server.serving import run  # noqa: PLC0415

    return run(flags_of(options))
