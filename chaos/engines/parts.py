"""Which parts of the shop a lab starts: those that a scenario needs, or all that this machine can play.

A part is a Compose profile of its name; its copies of slot c wait behind `arm-c-<part>`, so that neither `events` alone
nor `arm-c` alone starts half of it.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from chaos.engines.components import find_provider
from chaos.engines.compose_model import ComponentName
from chaos.engines.state import EngineName
from chaos.errors import ComponentMissing
from chaos.scenario.parts import PARTS, Part

COMPONENTS: Mapping[Part, ComponentName] = {"events": "kafka", "catalog": "mysql"}
# Of the orders service: whether anybody publishes what it writes into its outbox.
EVENTS = "LAB_EVENTS"
_SLOT_C = "arm-c"


def part_variables(needs: Collection[Part], *, slot_c: bool) -> dict[str, str]:
    """Return the variables of compose.yaml that start these parts and no others, in the file's own order."""
    parts = [part for part in PARTS if part in needs]
    profiles = [*([_SLOT_C] if slot_c else []), *parts, *(f"{_SLOT_C}-{part}" for part in parts if slot_c)]
    return {"COMPOSE_PROFILES": ",".join(profiles), EVENTS: "on" if "events" in parts else "off"}


def parts_behind(profiles: Iterable[str]) -> frozenset[Part]:
    """Return the parts that a service with these Compose profiles belongs to, whichever its slot."""
    names = {profile.removeprefix(f"{_SLOT_C}-") for profile in profiles}
    return frozenset(part for part in PARTS if part in names)


def playable(root: Path, env: Mapping[str, str], engine: EngineName) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """Return the parts that can be started on this machine, and a line about each that is left out, with its remedy.

    Docker brings everything itself.
    """
    found: list[Part] = []
    lines = []
    for part, component in COMPONENTS.items():
        try:
            if engine == "local":
                find_provider(component, root, env)
        except ComponentMissing as error:
            lines.append(f"without {part} ({', '.join(PARTS[part])}): {error}")
        else:
            found.append(part)
    return tuple(found), tuple(lines)
