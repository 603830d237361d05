"""Run pytest with the words given, and what fails once more, alone: `make test`.

A machine that others use stands still for a second now and then, and some test of thousands meets that. Both tries are
in the output. What fails twice is red; what fails once is a test to mend, or a fault that shows itself seldom.
"""

import os
import sys

import pytest

AGAIN = ("-n", "0", "--last-failed", "--last-failed-no-failures", "none")


def main(words: list[str]) -> int:
    """Return pytest's exit code; the second try takes this process's place."""
    code = pytest.main(words)
    if code == pytest.ExitCode.TESTS_FAILED:
        print("\nThe failed ones once more, alone. One that passes now is to be looked at all the same.\n", flush=True)
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *words, *AGAIN])  # noqa: S606 - ourselves
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
