"""The writing side of `chaos.engines.state`: what one lab says of itself while it is up."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from chaos.engines.liveness import identify
from chaos.engines.state import ArmState, EngineName, LabState, remove_state, write_state
from chaos.engines.topology import SLOTS
from chaos.scenario import Arm


class StateFile:
    """The state of the lab that this process is. Nothing is written before the first `update`."""

    def __init__(self, root: Path, engine: EngineName, arms: Sequence[Arm], log_dir: Path, *, stays: bool) -> None:
        self.root = root
        me = identify(os.getpid())
        self._state = LabState(
            engine=engine,
            stays=stays,
            arms=seated(arms),
            pid=me.pid,
            started=me.started,
            mark=secrets.token_hex(8),
            ready=False,
            log_dir=str(log_dir),
        )

    @property
    def mark(self) -> str:
        """Return what stands in the environment of every process of this lab."""
        return self._state.mark

    @property
    def log_dir(self) -> Path:
        """Return where the lab's logs go."""
        return Path(self._state.log_dir)

    def update(self, **changes: object) -> None:
        """Write the state with these changes."""
        self._state = self._state.model_copy(update=changes)
        write_state(self.root, self._state)

    def remove(self) -> None:
        """Say that nothing is left to clean."""
        remove_state(self.root)


def seated(arms: Sequence[Arm]) -> tuple[ArmState, ...]:
    """Return arms in their slots."""
    return tuple(
        ArmState(name=arm.name, profile=arm.profile, handler=arm.handler, slot=slot)
        for slot, arm in zip(SLOTS, arms, strict=False)
    )
