"""What this run's Toxiproxy cannot do of what a scenario asks for: an extension of the embedded one, on another.

Such a fault is left out and the run is NOT PROVEN with the reason: something else in its place would be an answer to
another question.
"""

from collections.abc import Sequence

from chaos.scenario import Fault, Scenario, Toxic
from chaos.scenario.toxics import DOORS
from chaos.toxiproxy.client import ToxiproxyClient


async def possible(faults: Sequence[Fault], client: ToxiproxyClient) -> tuple[tuple[Fault, ...], str]:
    """Return the faults that the server can make, and a sentence on what it cannot; it is empty where it can all.

    Raises:
        ToxiproxyError: it does not answer. It is only asked where a fault needs an extension.
    """
    used = {fault.type for fault in faults if isinstance(fault, Toxic) and fault.extension}
    lack = used - await client.extensions() if used else set()
    if not lack:
        return tuple(faults), ""
    words = f"Toxiproxy {await client.version()} does not know {', '.join(sorted(lack))}, an extension of the lab's own"
    return tuple(fault for fault in faults if fault.type not in lack), words


def door_links(scenario: Scenario) -> frozenset[str]:
    """Return the links on which a fault hurts new connections alone: one that is open would not see it."""
    doors = (fault for fault in scenario.faults if isinstance(fault, Toxic) and fault.type in DOORS)
    return frozenset(link for fault in doors for link in fault.links)
