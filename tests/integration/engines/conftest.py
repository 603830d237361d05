"""A tiny topology for each test, and lab processes that are gone after it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engines.tiny import LabProcess, Tiny


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """Return an empty topology in a folder with spaces in its path."""
    return Tiny(tmp_path / "a lab of mine")


@pytest.fixture
def start_lab() -> Iterator[Callable[..., LabProcess]]:
    """Start labs in processes of their own; whatever the test does, they are gone after it."""
    labs: list[LabProcess] = []

    def start(tiny: Tiny, mode: str = "wait", **options: Any) -> LabProcess:
        labs.append(LabProcess(tiny, mode, **options))
        return labs[-1]

    yield start
    for lab in labs:
        if lab.process.poll() is None:
            lab.process.kill()
        lab.process.wait()
