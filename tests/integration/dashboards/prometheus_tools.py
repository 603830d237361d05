"""Where Prometheus' own programs are on this machine, if anywhere."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def program(name: str) -> str:
    """Return the path of `prometheus` or `promtool`; skips the test where there is none."""
    unpacked = sorted((ROOT / ".lab").glob(f"prometheus/**/bin/{name}"))
    found = shutil.which(name) or (str(unpacked[-1]) if unpacked else None)
    if found is None:
        pytest.skip(f"no {name} on this machine: make components, or apt-get install prometheus")
    return found
