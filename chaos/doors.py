"""Where a lab that is up is asked: the gateway of each arm, and its inventory with its kind of handler."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.engines.addresses import LOOPBACK
from chaos.engines.state import LabState, live_lab
from chaos.errors import UsageError
from resilience.lookup import unknown

PREFERRED = "protected"
# Under Compose the lab has no children of its own; the ports are those that compose.yaml publishes, 18<slot>00.
_FIRST_SLOT = 18_100
_SLOT = 100
_INVENTORY = 20
_HANDLERS = ("async", "def", "blocking")


@dataclass(frozen=True, slots=True)
class Door:
    """One arm. `handler` is what inventory runs: async, def or blocking."""

    arm: str
    gateway: str
    inventory: str
    handler: str


def lab_up(root: Path) -> LabState:
    """Return the lab of this checkout that is up and ready; raises UsageError."""
    state = live_lab(root)
    if state is None:
        raise UsageError("no lab is up, so there is nobody to ask: `make up` starts one")
    if not state.ready:
        raise UsageError("the lab is still starting: `make status` says when it is up")
    return state


def doors(state: LabState) -> dict[str, Door]:
    """Return the doors of a lab by arm; raises UsageError where it has none."""
    told: Any = getattr(state, "arms", None) or ()
    arms = [each if isinstance(each, str) else str(each.name) for each in told]
    handlers = {name: getattr(each, "handler", None) for name, each in zip(arms, told, strict=True)}
    urls = {(child.arm, child.name.rpartition("-")[0]): child.url for child in state.children if child.url}
    for child in state.children:
        if child.arm and child.arm not in arms:
            arms.append(child.arm)
    found = {}
    for number, arm in enumerate(arms):
        base = _FIRST_SLOT + _SLOT * number
        gateway = urls.get((arm, "gateway"), f"http://{LOOPBACK}:{base}")
        inventory = urls.get((arm, "inventory"), f"http://{LOOPBACK}:{base + _INVENTORY}")
        # An arm that compares handlers may be named after its own.
        handler = handlers.get(arm) or (arm if arm in _HANDLERS else _HANDLERS[0])
        found[arm] = Door(arm, gateway or "", inventory or "", handler)
    if not found:
        raise UsageError("the lab that is up has no arm to ask: `make status` shows what it runs")
    return found


def door_of(found: dict[str, Door], arm: str | None) -> Door:
    """Return the door of an arm, that of `protected` or else the last where none is named; raises UsageError."""
    if arm is None:
        return found.get(PREFERRED) or list(found.values())[-1]
    if arm not in found:
        raise UsageError(unknown("arm", arm, found))
    return found[arm]
