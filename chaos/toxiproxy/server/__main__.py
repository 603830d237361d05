"""`python -m chaos.toxiproxy.server`: the embedded Toxiproxy as a process of its own."""

import sys
from collections.abc import Sequence

from chaos.toxiproxy.server.flags import parse
from chaos.toxiproxy.server.serving import run


def main(argv: Sequence[str]) -> int:
    """Run the server; return the exit code."""
    return run(parse(argv))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
