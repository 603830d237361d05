"""The command line of toxiproxy-server: Go-style flags, so that one command in compose.yaml starts either server."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from chaos.toxiproxy.server.addresses import MAX_PORT


@dataclass(frozen=True)
class Flags:
    """What the command line says. `config` is a JSON file of proxies; `seed` makes toxicity and jitter repeat.

    `strict` restores the original's behaviour where it differs on purpose. `proxy_metrics` and `runtime_metrics` ask
    for their parts of /metrics.
    """

    host: str
    port: int
    config: Path | None
    seed: int | None
    version: bool
    proxy_metrics: bool = False
    runtime_metrics: bool = False
    strict: bool = False


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"port must be a whole number from 0 to {MAX_PORT}, not {text!r}")
    return int(text)


def _plain(argv: Sequence[str]) -> list[str]:
    """Return the arguments with Go's `-flag=true` as `-flag`, and without `-flag=false`."""
    switches = {"version", "proxy-metrics", "runtime-metrics", "strict"}
    plain: list[str] = []
    for argument in argv:
        name, equals, value = argument.partition("=")
        if equals and name.lstrip("-") in switches and value.lower() in {"1", "t", "true", "0", "f", "false"}:
            plain += [name] if value.lower() in {"1", "t", "true"} else []
        else:
            plain.append(argument)
    return plain


def parse(argv: Sequence[str]) -> Flags:
    """Return the flags; one dash or two, `=` or a space. Exits with 2 on a flag that is not known."""
    # No -h: from Python 3.12 on argparse reads -hos as -h and os.
    parser = argparse.ArgumentParser(prog="python -m chaos.toxiproxy.server", allow_abbrev=False, add_help=False)
    parser.add_argument("-help", "--help", action="help", help="show this and exit")
    add_flags(parser)
    return flags_of(parser.parse_args(_plain(argv)))


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add every flag to a parser, with one dash and with two."""
    parser.add_argument("-host", "--host", default="localhost", help="host the API listens on")
    parser.add_argument("-port", "--port", type=_port, default=8474, help="port the API listens on")
    parser.add_argument(
        "-config", "--config", type=Path, metavar="FILE", help="JSON file of proxies to create at start"
    )
    parser.add_argument("-seed", "--seed", type=int, help="seed of toxicity and jitter")
    parser.add_argument("-version", "--version", action="store_true", help="print the version")
    parser.add_argument("-proxy-metrics", "--proxy-metrics", action="store_true", help="count traffic at /metrics")
    parser.add_argument("-runtime-metrics", "--runtime-metrics", action="store_true", help="count the process there")
    parser.add_argument("-strict", "--strict", action="store_true", help="behave as the original also where that hurts")


def flags_of(options: argparse.Namespace) -> Flags:
    """Return what such a parser has read."""
    return Flags(**{field.name: getattr(options, field.name) for field in fields(Flags)})
