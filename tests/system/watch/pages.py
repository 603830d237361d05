"""`lab watch` beside a real lab, and what a browser shows of its page."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.system.lab import ROOT, command, environment

# The panels that have something to show.
FILLED = "window.watch.panels.filter(panel => panel.series && panel.series.length).map(panel => panel.json.title)"


@contextmanager
def watching(runs: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Run `lab watch`; it ends with a signal, or the test fails."""
    words = command(runs, "watch", "--port", str(port))
    process = subprocess.Popen(
        words, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        assert str(port) in process.stdout.readline()
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == 143
