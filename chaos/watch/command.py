"""`lab watch`: serves the page until a signal comes."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import aiohttp
from aiohttp import web

from chaos.errors import PortTaken
from chaos.watch.desk import Desk
from chaos.watch.library import Library
from chaos.watch.promql import read_rules
from chaos.watch.server import LONGEST_REQUEST, create_app
from chaos.watch.sources import Prometheus
from chaos.watch.views import Views
from chaos.watch.watch import Watch
from resilience.clock import SystemClock

HOST = "127.0.0.1"
PORT = 18080
PROMETHEUS = "http://127.0.0.1:9090"
ENDS_WITHIN_S = 1.0


async def serve(
    root: Path, runs: Path, port: int, say: Callable[[str], None], *, prometheus: str = PROMETHEUS
) -> NoReturn:
    """Serve the page until cancelled, and `say` where it is; raises PortTaken, QueryError for broken rules."""
    clock = SystemClock()
    desk = Desk(read_rules(root / "dashboards" / "rules.yml"), clock)
    library = Library(root, runs)
    try:
        async with aiohttp.ClientSession() as session:
            views = Views(root, library, Prometheus(prometheus, session, clock), desk, clock)
            app = create_app(Watch(root / "dashboards" / "json", library, views))
            runner = web.AppRunner(
                app, access_log=None, shutdown_timeout=ENDS_WITHIN_S,
                max_line_size=LONGEST_REQUEST, max_field_size=LONGEST_REQUEST,
            )  # fmt: skip
            await runner.setup()
            try:
                await _listen(runner, port)
                say(f"http://{HOST}:{port}/  (Ctrl-C ends it)")
                await views.attend()
            finally:
                await runner.cleanup()
    finally:
        await desk.close()


async def _listen(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, HOST, port).start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"{HOST}:{port} is taken (another `lab watch`?): end that, or name one with --port"
            ) from None
        if error.errno == errno.EACCES:
            raise PortTaken(f"{HOST}:{port} is not for everybody: name one above 1023 with --port") from None
        raise
