"""Made-up runs, each computed once."""

from functools import cache

import pytest

from chaos.run import Run
from tests.unit.report.synthetic import PLANS, run_of


@cache
def made(name: str) -> Run:
    return run_of(PLANS[name])


@pytest.fixture(scope="session")
def slow() -> Run:
    return made("SLOW")


@pytest.fixture(params=list(PLANS))
def any_run(request: pytest.FixtureRequest) -> Run:
    return made(request.param)
