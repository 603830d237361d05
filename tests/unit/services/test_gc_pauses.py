"""No service stops for a full collection of what it loaded at its start."""

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SERVICES = sorted(file.parent.name for file in (ROOT / "services").glob("*/app.py"))
COUNTS = """
import gc
from services.relay.app import main
app = main()
print(gc.get_freeze_count(), len(gc.get_objects()))
"""


def test_nearly_all_of_a_started_service_is_walked_no_more() -> None:
    counted = subprocess.run([sys.executable, "-c", COUNTS], cwd=ROOT, capture_output=True, text=True, check=True)
    frozen, walked = map(int, counted.stdout.split())

    assert frozen > 10_000
    assert walked < frozen / 10


@pytest.mark.parametrize("service", SERVICES)
def test_every_composition_root_ends_with_it(service: str) -> None:
    assert "return without_gc_pauses(" in inspect.getsource(import_module(f"services.{service}.app").main)
