"""The local engine: compose.yaml as plain processes, in dependency order, each ready before its dependants start.

Nothing outlives it. Its own end, an exception, a cancellation (Ctrl-C, SIGTERM) stop everything before control goes
on; where the lab itself is killed, the kernel ends its children and the next start removes the rest.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType

import aiohttp

from chaos.engines.adoption import subreaper
from chaos.engines.interruption import ended_by_signals
from chaos.engines.leftovers import clean_leftovers
from chaos.engines.ports import check_ports, wanted_ports, without_taken
from chaos.engines.running import RunningLab, RunningService
from chaos.engines.session import Session
from chaos.engines.starting import START_TIMEOUT_S, Starter
from chaos.engines.state import only_lab
from chaos.engines.topology import Topology
from chaos.errors import StartFailed, TopologyError
from chaos.scenario import Arm
from chaos.shield import to_the_end

__all__ = ["SERVICE_NICE", "LocalEngine", "RunningLab", "RunningService"]

# Services give way to the load generator and the recorder: on two cores a service at the generator's own priority
# delays arrivals, and the run would measure its own lateness. Between services and arms it changes nothing.
SERVICE_NICE = 5


class LocalEngine:
    """Start a topology: `async with LocalEngine(...) as lab` is a RunningLab inside, and nothing afterwards.

    Args:
        root: the checkout; services run in it, data and state lie in its `.lab`.
        topology: what to start, already chosen for `arms`.
        arms: the arms that must be there.
        log_dir: where each process's stdout and stderr go, `<service>.log`.
        on_progress: is told one line at a time what is going on.
        env: the lab's own environment, os.environ by default.
        nice: how far services step back behind the load generator.
        start_timeout_s: from the first process to the last readiness.

    Raises on entry LabAlreadyUp, PortTaken, ComponentMissing, TopologyError or StartFailed; then nothing is left
    running. Enter and leave it in the same task of the main thread.
    """

    def __init__(
        self, root: Path, topology: Topology, arms: Sequence[Arm], log_dir: Path, on_progress: Callable[[str], None],
        *, env: Mapping[str, str] | None = None, nice: int = SERVICE_NICE, start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:  # fmt: skip
        self._root, self._topology, self._log_dir = root.absolute(), topology, log_dir.absolute()
        self._say, self._nice, self._start_timeout_s = on_progress, nice, start_timeout_s
        self._env = os.environ if env is None else env
        self._stack = AsyncExitStack()
        self._lab: RunningLab | None = None
        played = {spec.arm for spec in topology.services.values()}
        for arm in arms:
            if arm.name not in played:
                raise TopologyError(f"no service of the topology plays the arm {arm.name}")

    async def __aenter__(self) -> RunningLab:
        """Start everything; on any failure stop what was started."""
        try:
            self._lab = await self._start()
        except OSError as error:
            await to_the_end(self._stack.aclose, restarts=0)
            # A full disk, a folder that belongs to somebody else: not a defect of the lab.
            raise StartFailed(f"the lab cannot be started in {self._root}: {error}") from error
        except BaseException:
            await to_the_end(self._stack.aclose, restarts=0)
            raise
        return self._lab

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, in reverse order; a cancellation meanwhile waits for it."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await to_the_end(self._stack.aclose, restarts=0)
        finally:
            if self._lab is not None:
                self._lab.stop_s = loop.time() - began

    async def _start(self) -> RunningLab:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._stack.enter_context(only_lab(self._root))
        self._stack.enter_context(ended_by_signals())
        for line in await clean_leftovers(self._root):
            self._say(line)
        self._topology, taken = without_taken(self._topology)
        for line in taken:
            self._say(line)
        check_ports(wanted_ports(self._topology))
        self._make_log_dir()
        self._stack.enter_context(subreaper())
        session = await self._stack.enter_async_context(
            Session(self._root, self._topology, self._log_dir, self._env, self._say)
        )
        http = await self._stack.enter_async_context(aiohttp.ClientSession())
        starter = Starter(self._topology, session, http, self._nice)
        components = await starter.start(self._start_timeout_s)
        ready_s = loop.time() - began
        session.ready()
        self._say(f"ready after {ready_s:.1f} s")
        return RunningLab(
            components=components,
            services=starter.services(),
            links=self._topology.links,
            toxiproxy_url=starter.toxiproxy_url,
            ready_s=ready_s,
            supervisor=session.workspace.supervisor,
        )

    def _make_log_dir(self) -> None:
        try:
            self._log_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartFailed(f"cannot make the folder for logs, {self._log_dir}: {error.strerror}") from error
