"""Which engine a run gets: the lab that is up where one was left up for it, else one of its own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from chaos.engines.attached import AttachedEngine, check_fits
from chaos.engines.compose.engine import ComposeEngine
from chaos.engines.engine import Engine
from chaos.engines.local import LocalEngine
from chaos.engines.running import RunningLab
from chaos.engines.state import EngineName, live_lab
from chaos.engines.topology import arm_environment, load_topology
from chaos.scenario import Arm

Say = Callable[[str], None]
DEFAULT: EngineName = "local"


def engine_for_run(
    root: Path, arms: Sequence[Arm], log_dir: Path, say: Say, *, env: Mapping[str, str], name: EngineName | None
) -> Engine[RunningLab]:
    """Return the lab that is up, or an engine that starts one; `name` is what the user asked for, None for nothing.

    Raises LabAlreadyUp where what is up does not fit, TopologyError.
    """
    state = live_lab(root)
    if state is None or not state.stays:
        return new_engine(root, arms, log_dir, say, env=env, name=name or DEFAULT)
    check_fits(state, arms, name)
    topology = load_topology(root / "compose.yaml", {**env, **arm_environment(arms)}, [arm.name for arm in arms])
    return AttachedEngine(root, state, topology, log_dir, say)


def new_engine(
    root: Path,
    arms: Sequence[Arm],
    log_dir: Path,
    say: Say,
    *,
    env: Mapping[str, str],
    name: EngineName,
    stays: bool = False,
) -> Engine[RunningLab]:
    """Return an engine that starts the shop with these arms; raises TopologyError."""
    topology = load_topology(root / "compose.yaml", {**env, **arm_environment(arms)}, [arm.name for arm in arms])
    chosen = ComposeEngine if name == "compose" else LocalEngine
    return chosen(root, topology, arms, log_dir, say, env=env, stays=stays)
