"""Which engine a run gets: the lab that is up where one was left up for it, else one of its own."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from chaos.engines.attached import AttachedEngine, check_fits
from chaos.engines.compose.engine import ComposeEngine
from chaos.engines.engine import Engine
from chaos.engines.local import LocalEngine
from chaos.engines.running import RunningLab
from chaos.engines.state import EngineName, live_lab
from chaos.engines.topology import Topology, arm_environment, load_topology
from chaos.scenario import Arm
from chaos.scenario.parts import Part

Say = Callable[[str], None]
DEFAULT: EngineName = "local"


def engine_for_run(
    root: Path,
    arms: Sequence[Arm],
    log_dir: Path,
    say: Say,
    *,
    env: Mapping[str, str],
    name: EngineName | None,
    needs: Collection[Part] = (),
) -> Engine[RunningLab]:
    """Return the lab that is up, or an engine that starts one; `name` is what the user asked for, None for nothing.

    `needs` are the parts that the run cannot be without; a lab that is up may have more. Raises LabAlreadyUp where what
    is up does not fit, TopologyError.
    """
    state = live_lab(root)
    if state is None or not state.stays:
        return new_engine(root, arms, log_dir, say, env=env, name=name or DEFAULT, needs=needs)
    check_fits(state, arms, name, needs)
    return AttachedEngine(root, state, _topology(root, arms, env, state.parts), log_dir, say)


def new_engine(
    root: Path,
    arms: Sequence[Arm],
    log_dir: Path,
    say: Say,
    *,
    env: Mapping[str, str],
    name: EngineName,
    stays: bool = False,
    needs: Collection[Part] = (),
) -> Engine[RunningLab]:
    """Return an engine that starts the shop with these arms and the parts that it `needs`; raises TopologyError."""
    topology = _topology(root, arms, env, needs)
    chosen = ComposeEngine if name == "compose" else LocalEngine
    return chosen(root, topology, arms, log_dir, say, env=env, stays=stays)


def _topology(root: Path, arms: Sequence[Arm], env: Mapping[str, str], needs: Collection[Part]) -> Topology:
    variables = {**env, **arm_environment(arms, needs)}
    return load_topology(root / "compose.yaml", variables, [arm.name for arm in arms])
