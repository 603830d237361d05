"""The page's server on a free port, on a checkout of the tests' own."""

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import pytest

from chaos.watch.command import serve
from tests.integration.watch import board
from tests.integration.watch.real_prometheus import ROOT
from tests.ports import free_port

# Nobody listens here, so that a Prometheus of the machine's own changes nothing.
NO_PROMETHEUS = "http://127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs: where it is, and the folders that it shows."""

    url: str
    root: Path
    runs: Path


def checkout(root: Path) -> Path:
    """Make what the server needs of a checkout."""
    boards = root / "dashboards" / "json"
    boards.mkdir(parents=True)
    (boards / "load.json").write_text(json.dumps(board.empty("load", "Load")))
    (boards / "experiment.json").write_text(json.dumps(board.experiment()))
    (root / "chaos").mkdir()
    shutil.copytree(ROOT / "chaos" / "scenarios", root / "chaos" / "scenarios")
    (root / "compose.yaml").write_text("services: {}\n")
    return root


@contextmanager
def serving(root: Path, prometheus: str = NO_PROMETHEUS) -> Iterator[Served]:
    """Serve a checkout from a thread; it has ended when the block is left."""
    port, said = free_port(), Queue[str]()
    loop = asyncio.new_event_loop()
    task = loop.create_task(serve(root, root / "runs", port, said.put, prometheus=prometheus))

    def work() -> None:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        said.get(timeout=10)
        yield Served(f"http://127.0.0.1:{port}", root, root / "runs")
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)
        loop.close()
        assert not thread.is_alive()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(checkout(tmp_path / "checkout")) as found:
        yield found
