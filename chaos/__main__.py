"""`python -m chaos` is the `lab` command, for a shell without the virtual environment."""

import sys

from chaos.cli import main

if __name__ == "__main__":
    sys.exit(main())
