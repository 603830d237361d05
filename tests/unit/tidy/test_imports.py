"""Who may import whom: what keeps a policy usable without a service, and a service replaceable without the lab."""

import ast
from collections.abc import Iterator

import pytest

OURS = ("services", "resilience", "chaos", "loadtests", "dashboards", "study", "tests")
METRIC_NAMES = ("resilience.metrics", "services.common.metrics", "loadtests.metrics")
ALLOWED = {
    "resilience": ("resilience",),
    "services": ("resilience", "services.common"),  # and its own folder
    "chaos": ("chaos", "resilience", *METRIC_NAMES),
    "loadtests": ("loadtests",),
    "dashboards": ("dashboards", "chaos.lab_metrics", *METRIC_NAMES),
}
# A decision that needs no framework and no driver can be tested without either.
NOT_IN_CORE = (
    "fastapi", "starlette", "uvicorn", "aiohttp", "httpx", "asyncpg", "redis", "aiokafka", "aiomysql",
    "prometheus_client",
)  # fmt: skip


def imported(text: str) -> Iterator[str]:
    """Yield the full name of everything that a module imports; a relative import keeps its dots."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ("." * node.level + f"{node.module or ''}.{alias.name}" for alias in node.names)


def under(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def offences(path: str, text: str) -> list[str]:
    """Return what `path` imports and may not, one line each."""
    room, *folders, file = path.split("/")
    allowed = ALLOWED[room] + ((f"services.{folders[0]}",) if room == "services" and folders else ())
    refused = [
        name for name in imported(text) if name.startswith(".") or (under(name, OURS) and not under(name, allowed))
    ]
    if room == "services" and file == "core.py":
        refused += [name for name in imported(text) if under(name, NOT_IN_CORE)]
    return [f"{path} imports {name}" for name in refused]


def test_every_module_imports_only_what_its_room_may(code: dict[str, str]) -> None:
    found = [offence for path, text in code.items() for offence in offences(path, text)]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("resilience/retry.py", "from chaos.errors import LabError"),
        ("resilience/retry.py", "import services.common.metrics"),
        ("services/orders/core.py", "from services.inventory.schemas import Stock"),
        ("services/orders/core.py", "from fastapi import HTTPException"),
        ("services/orders/core.py", "import asyncpg.exceptions"),
        ("services/orders/routes.py", "from . import core"),
        ("services/common/problem.py", "from services.orders import core"),
        ("services/bank/app.py", "import chaos"),
        ("chaos/judging/checks.py", "from services.common import problem"),
        ("chaos/judging/checks.py", "from loadtests.plan import Plan"),
        ("loadtests/arrivals.py", "from resilience.clock import SystemClock"),
        ("dashboards/shop.py", "from resilience.breaker import Breaker"),
        ("dashboards/shop.py", "from loadtests.plan import Plan"),
        ("dashboards/shop.py", "from chaos.run import Run"),
    ],
)
def test_an_import_across_a_wall_is_an_offence(path: str, line: str) -> None:
    assert len(offences(path, line)) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("services/orders/upstreams.py", "from resilience import Pipeline"),
        ("services/orders/app.py", "from services.orders.core import place"),
        ("services/orders/app.py", "from services.common import metrics"),
        ("services/orders/routes.py", "from fastapi import APIRouter"),
        ("chaos/recording/recorder.py", "from services.common.metrics import IN_FLIGHT"),
        ("chaos/recording/recorder.py", "from services.common import metrics"),
        ("dashboards/shop.py", "import resilience.metrics"),
        ("dashboards/shop.py", "from loadtests.metrics import LOAD_SENT_TOTAL"),
        ("dashboards/shop.py", "from chaos.lab_metrics import FAULT_ACTIVE"),
    ],
)
def test_an_import_through_a_door_is_none(path: str, line: str) -> None:
    assert offences(path, line) == []
