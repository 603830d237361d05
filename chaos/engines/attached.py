"""A lab that is up already, used by one run and left up: nothing is started for it, and nothing stopped after it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from chaos.engines.engine import Engine, make_log_dir
from chaos.engines.interruption import ended_by_signals
from chaos.engines.process_port import Processes, RefusedProcesses
from chaos.engines.processes import last_lines
from chaos.engines.running import RunningLab, RunningService
from chaos.engines.state import LAB_FOLDER, ArmState, EngineName, LabState, only_run
from chaos.engines.state_file import seated
from chaos.engines.topology import Topology
from chaos.engines.waiting import until
from chaos.errors import LabAlreadyUp, ProcessEnded
from chaos.scenario import Arm
from chaos.scenario.parts import PARTS, Part

# What `lab up` prints once it is in the background.
UP_LOG = Path(LAB_FOLDER, "up.log")
POLL_S = 0.25
LOOK_S = 60.0
# It says what has ended, and then quotes its log.
LOOKED_AT = 40


@dataclass(kw_only=True)
class AttachedLab(RunningLab):
    """Somebody else's lab. Its own watch ends it when something of it ends, so its end is all there is to see."""

    state: LabState
    root: Path

    @property
    def processes(self) -> Processes:
        """Return none: to the lab's own process a kill is a failure, and a pause would outlive a run that is killed."""
        return RefusedProcesses(
            f"the lab that is up belongs to another process (pid {self.state.pid}), to which a kill or a pause is a"
            " failure: `lab down`, then the same again, which starts its own"
        )

    def pids(self) -> tuple[int, ...]:
        """Return its processes; under Compose this lab does not know them."""
        return tuple(child.pid for child in self.state.children if child.identity.alive())

    def left_running(self) -> tuple[str, ...]:
        """Return nothing: all of it is meant to go on."""
        return ()

    async def watch(self) -> NoReturn:
        """Look four times a second whether the lab is still there."""
        while not await until(lambda: not self.state.identity.alive(), POLL_S, LOOK_S):
            pass
        raise ProcessEnded(f"the lab that this run used (pid {self.state.pid}) has ended{self._why()}")

    def _why(self) -> str:
        """Return what the lab said of its end, without the log lines below that."""
        said = [line for line in last_lines(self.root / UP_LOG, LOOKED_AT) if line.startswith("lab: ")]
        return f": {said[-1].removeprefix('lab: ')} (all of it: {UP_LOG})" if said else f": see {UP_LOG}"


class AttachedEngine(Engine[AttachedLab]):
    """Use the lab whose state is `state`. Raises LabAlreadyUp on entry where another run uses it."""

    def __init__(
        self, root: Path, state: LabState, topology: Topology, log_dir: Path, on_progress: Callable[[str], None]
    ) -> None:
        super().__init__(root)
        self._state, self._topology, self._log_dir, self._say = state, topology, log_dir, on_progress

    async def _start(self) -> AttachedLab:
        self.stack.enter_context(only_run(self.root))
        self.stack.enter_context(ended_by_signals())
        make_log_dir(self._log_dir)
        state = self._state
        self._say(
            f"the lab that is up is used (pid {state.pid}, {state.engine}), and stays up; its logs: {state.log_dir}"
        )
        pids = {child.name: child.pid for child in state.children}
        return AttachedLab(
            engine=state.engine,
            mark=state.mark,
            components=state.components,
            services=tuple(
                RunningService(spec.name, spec.role, spec.arm, spec.url, pids.get(spec.name, 0))
                for spec in self._topology.services.values()
                if spec.url is not None
            ),
            links=self._topology.links,
            toxiproxy_url=state.toxiproxy_url,
            ready_s=0.0,
            state=state,
            root=self.root,
        )


def check_fits(state: LabState, arms: Sequence[Arm], engine: EngineName | None, needs: Collection[Part] = ()) -> None:
    """Raise LabAlreadyUp where a run with these arms, needs and, where one is named, engine cannot use the lab."""
    wanted = seated(arms)
    if not state.ready:
        raise LabAlreadyUp(f"the lab (pid {state.pid}) is still starting: `lab status` says when it is up")
    if state.arms != wanted:
        raise LabAlreadyUp(
            f"the lab that is up has {_said(state.arms)}, and this run needs {_said(wanted)}:"
            " `lab down`, then the same again, which starts its own"
        )
    if lacking := [f"{part} ({', '.join(PARTS[part])})" for part in needs if part not in state.parts]:
        raise LabAlreadyUp(
            f"the lab that is up runs without {' and '.join(lacking)}, which this run needs:"
            " `lab down`, then the same again, which starts its own"
        )
    if engine not in {None, state.engine}:
        raise LabAlreadyUp(
            f"the lab that is up runs on the engine {state.engine}: leave out --engine to use it, or `lab down` first"
        )


def _said(arms: Sequence[ArmState]) -> str:
    """Return arms in words, with what is not told by the name."""
    return "the arms " + ", ".join(_arm(arm) for arm in arms)


def _arm(arm: ArmState) -> str:
    more = [arm.profile] if arm.profile != arm.name else []
    more += [arm.handler] if arm.handler not in {"async", arm.name} else []
    return f"{arm.name} ({', '.join(more)})" if more else arm.name
