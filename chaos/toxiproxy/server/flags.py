"""The command line of toxiproxy-server: Go-style flags, so that one command in compose.yaml starts either server."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.toxiproxy.server.addresses import MAX_PORT


@dataclass(frozen=True)
class Flags:
    """What the command line says. `config` is a JSON file of proxies; `seed` makes toxicity and jitter repeat."""

    host: str
    port: int
    config: Path | None
    seed: int | None
    version: bool


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"port must be a whole number from 0 to {MAX_PORT}, not {text!r}")
    return int(text)


def parse(argv: Sequence[str]) -> Flags:
    """Return the flags; one dash or two, `=` or a space. Exits with 2 on a flag that is not known."""
    # No -h: from Python 3.12 on argparse reads -hos as -h and os.
    parser = argparse.ArgumentParser(prog="python -m chaos.toxiproxy.server", allow_abbrev=False, add_help=False)
    parser.add_argument("-help", "--help", action="help", help="show this and exit")
    parser.add_argument("-host", "--host", default="localhost", help="host the API listens on")
    parser.add_argument("-port", "--port", type=_port, default=8474, help="port the API listens on")
    parser.add_argument(
        "-config", "--config", type=Path, metavar="FILE", help="JSON file of proxies to create at start"
    )
    parser.add_argument("-seed", "--seed", type=int, help="seed of toxicity and jitter")
    parser.add_argument("-version", "--version", action="store_true", help="print the version")
    return Flags(**vars(parser.parse_args(argv)))
