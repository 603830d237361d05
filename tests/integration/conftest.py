"""The two stores that most rooms need, each started once, by the first test that asks; and a browser for each page."""

from collections.abc import Iterator

import pytest

from tests.integration.report.browser import page
from tests.integration.stores import run_postgres, run_valkey

__all__ = ["page", "postgres", "valkey"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[int]:
    """Return the port of a Postgres that trusts the user shop. A test makes a database of its own in it."""
    with run_postgres() as port:
        yield port


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return the port of a Valkey."""
    with run_valkey(tmp_path_factory.mktemp("valkey")) as port:
        yield port
