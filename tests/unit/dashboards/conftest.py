"""The boards as they are committed: what Grafana reads, not what we think we wrote."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def boards() -> dict[str, Any]:
    """Every board by the name of its file."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "dashboards/json").glob("*.json")
    }


@pytest.fixture
def board(boards: dict[str, Any]) -> Any:
    """One of them, to break."""
    return json.loads(json.dumps(boards["experiment"]))
