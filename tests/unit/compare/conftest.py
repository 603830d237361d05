"""One made-up run of each scenario, read back from its folder."""

from pathlib import Path

import pytest

from chaos.compare.page import Compared, compared
from tests.unit.compare.handler_runs import write_folder


@pytest.fixture(scope="session")
def slow_database(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    return compared(write_folder(tmp_path_factory.mktemp("runs"), "sync-vs-async"))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"
