"""The local engine: compose.yaml as plain processes, in dependency order, each ready before its dependants start.

Nothing outlives it: where the lab itself is killed, the kernel ends its children and the next start removes the rest.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import aiohttp

from chaos.engines.adoption import subreaper
from chaos.engines.engine import Engine, make_log_dir
from chaos.engines.interruption import ended_by_signals
from chaos.engines.leftovers import clean_leftovers
from chaos.engines.ports import check_ports, wanted_ports, without_taken
from chaos.engines.running import LocalLab, RunningLab, RunningService
from chaos.engines.session import Session
from chaos.engines.starting import START_TIMEOUT_S, Starter
from chaos.engines.state import only_lab
from chaos.engines.state_file import StateFile
from chaos.engines.topology import Topology
from chaos.errors import TopologyError
from chaos.scenario import Arm

__all__ = ["SERVICE_NICE", "LocalEngine", "LocalLab", "RunningLab", "RunningService"]

# Services give way to the load generator and the recorder: on two cores a service at the generator's own priority
# delays arrivals, and the run would measure its own lateness. Between services and arms it changes nothing.
SERVICE_NICE = 5


class LocalEngine(Engine[LocalLab]):
    """Start a topology: `async with LocalEngine(...) as lab` is a LocalLab inside, and nothing afterwards.

    Args:
        root: the checkout; services run in it, data and state lie in its `.lab`.
        topology: what to start, already chosen for `arms`.
        arms: the arms that must be there, in the order of their slots.
        log_dir: where each process's stdout and stderr go, `<service>.log`.
        on_progress: is told one line at a time what is going on.
        env: the lab's own environment, os.environ by default.
        nice: how far services step back behind the load generator.
        start_timeout_s: from the first process to the last readiness.
        stays: whether others may use it, as after `lab up`.

    Raises on entry LabAlreadyUp, PortTaken, ComponentMissing, TopologyError or StartFailed; then nothing is left
    running.
    """

    def __init__(
        self, root: Path, topology: Topology, arms: Sequence[Arm], log_dir: Path, on_progress: Callable[[str], None],
        *, env: Mapping[str, str] | None = None, nice: int = SERVICE_NICE, start_timeout_s: float = START_TIMEOUT_S,
        stays: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(root)
        self._topology, self._arms, self._log_dir = topology, arms, log_dir.absolute()
        self._say, self._nice, self._start_timeout_s, self._stays = on_progress, nice, start_timeout_s, stays
        self._env = os.environ if env is None else env
        check_played(topology, arms)

    async def _start(self) -> LocalLab:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.stack.enter_context(only_lab(self.root))
        self.stack.enter_context(ended_by_signals())
        for line in await clean_leftovers(self.root):
            self._say(line)
        self._topology, taken = without_taken(self._topology)
        for line in taken:
            self._say(line)
        check_ports(wanted_ports(self._topology))
        make_log_dir(self._log_dir)
        self.stack.enter_context(subreaper())
        state = StateFile(self.root, "local", self._arms, self._log_dir, stays=self._stays)
        session = await self.stack.enter_async_context(Session(self._topology, self._env, self._say, state))
        http = await self.stack.enter_async_context(aiohttp.ClientSession())
        starter = Starter(self._topology, session, http, self._nice)
        components = await starter.start(self._start_timeout_s)
        ready_s = loop.time() - began
        state.update(ready=True, parts=self._topology.parts, components=components, toxiproxy_url=starter.toxiproxy_url)
        self._say(f"ready after {ready_s:.1f} s")
        return LocalLab(
            engine="local",
            mark=state.mark,
            components=components,
            services=starter.services(),
            links=self._topology.links,
            toxiproxy_url=starter.toxiproxy_url,
            ready_s=ready_s,
            supervisor=session.workspace.supervisor,
        )


def check_played(topology: Topology, arms: Sequence[Arm]) -> None:
    """Raise TopologyError where an arm has no service in the topology."""
    played = {spec.arm for spec in topology.services.values()}
    for arm in arms:
        if arm.name not in played:
            raise TopologyError(f"no service of the topology plays the arm {arm.name}")
