"""The embedded Toxiproxy as a process: composition root, start, clean end."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable

from aiohttp import web

from chaos.toxiproxy.server.addresses import bound_address, join, listening_socket
from chaos.toxiproxy.server.api import Api
from chaos.toxiproxy.server.errors import ApiError
from chaos.toxiproxy.server.flags import Flags
from chaos.toxiproxy.server.registry import Registry
from chaos.toxiproxy.server.routes import VERSION
from chaos.toxiproxy.server.runtime import Runtime
from resilience.clock import SystemClock, system_rng

API_CLOSE_TIMEOUT_S = 1.0
KEEP_ALIVE_S = 60.0

log = logging.getLogger("toxiproxy")


class StartError(Exception):
    """The server cannot do what its command line asks; the message is one line."""


async def serve(flags: Flags) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        StartError: a port is taken, or the config file cannot be applied. Nothing is left listening.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    registry = Registry(Runtime(loop, SystemClock().now, system_rng(flags.seed), strict=flags.strict))
    api = Api(registry, proxy_metrics=flags.proxy_metrics, runtime_metrics=flags.runtime_metrics)
    # Without access log, and without a word on what is no HTTP.
    runner = web.ServerRunner(
        web.Server(api.handle, access_log=None, keepalive_timeout=KEEP_ALIVE_S),
        handle_signals=False,
        shutdown_timeout=API_CLOSE_TIMEOUT_S,
    )
    await runner.setup()
    try:
        await _populate(registry, flags)
        await _listen(runner, flags)
        await stopped.wait()
        log.info("stopping")
    finally:
        await runner.cleanup()
        await registry.close()


async def _populate(registry: Registry, flags: Flags) -> None:
    if flags.config is None:
        return
    try:
        body = await asyncio.to_thread(flags.config.read_bytes)
    except OSError as error:
        raise StartError(f"cannot read {flags.config}: {error.strerror}") from None
    populated = await registry.populate(body)
    if populated.error:
        raise StartError(f"{flags.config}: {populated.error}")
    log.info("%d proxies from %s", len(populated.proxies), flags.config)


async def _listen(runner: web.ServerRunner, flags: Flags) -> None:
    try:
        listener = await listening_socket(join(flags.host, flags.port))
    except ApiError as error:
        raise StartError(f"the API cannot listen: {error}") from None
    await web.SockSite(runner, listener).start()
    log.info("version %s, API on http://%s", VERSION, bound_address(listener))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - there is none for every platform; asyncio's own loop is slower but right
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _raise_file_limit() -> None:
    """Allow as many sockets as the system lets the process have, as Go's runtime does: 10,000 proxies are 10,000."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - Unix only

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run(flags: Flags) -> int:
    """Run the server until a signal ends it; return the exit code."""
    if flags.version:
        sys.stdout.write(f"toxiproxy-server version {VERSION}\n")
        return 0
    _raise_file_limit()
    level = os.environ.get("LOG_LEVEL", "info").upper()
    logging.basicConfig(
        stream=sys.stdout,
        level=level if level in logging.getLevelNamesMapping() else "INFO",
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(flags))
    except StartError as error:
        sys.stderr.write(f"toxiproxy: {error}\n")
        return 1
    return 0
