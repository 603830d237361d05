"""A real Prometheus that scrapes a page of ours, and what it has stored of it: what the evaluator is held against."""

import json
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
SCRAPE_S = 0.25
READY_WITHIN_S = 20


def prometheus() -> str | None:
    """Return the path of a Prometheus on this machine, or None."""
    own = sorted((ROOT / ".lab").glob("prometheus/**/bin/prometheus"))
    return shutil.which("prometheus") or (str(own[-1]) if own else None)


class Prometheus:
    """One that runs; `ask` is its HTTP API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **params: str) -> Any:
        url = f"{self.url}{path}?{urllib.parse.urlencode(params)}"
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own
            return json.load(answer)["data"]["result"]


@contextmanager
def scraping(executable: str, page: Callable[[int], str | None], folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus on `page(number of the scrape)`, None being a failed one, every SCRAPE_S; ended afterwards."""
    count = 0

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal count
            text = page(count)
            count += 1
            self.send_response(200 if text is not None else 500)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text(
        f"global: {{scrape_interval: {SCRAPE_S * 1000:.0f}ms, scrape_timeout: {SCRAPE_S * 900:.0f}ms}}\n"
        f"scrape_configs: [{{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{server.server_port}']}}]}}]\n"
    )
    process = subprocess.Popen(
        [
            executable, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
        ],
    )  # fmt: skip
    try:
        yield _ready(Prometheus(f"http://127.0.0.1:{port}"), process)
    finally:
        process.terminate()
        process.wait(10)
        server.shutdown()
        server.server_close()


def _ready(found: Prometheus, process: subprocess.Popen[bytes]) -> Prometheus:
    until = time.perf_counter() + READY_WITHIN_S
    while time.perf_counter() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{found.url}/-/ready", timeout=1):  # noqa: S310 - our own
                return found
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError("Prometheus did not become ready")
