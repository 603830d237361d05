"""What this run's components cannot do, or cannot show, of what a scenario asks for.

An extension of the embedded Toxiproxy, on another, is left out; a kill of a broker that keeps nothing shows nothing.
Such a run is NOT PROVEN with the reason: something else in its place would be an answer to another question.
"""

from collections.abc import Sequence

from chaos.engines.components import FORCE_TOXIPROXY, TANSU
from chaos.observed import Lack
from chaos.run import Component
from chaos.scenario import Fault, Kill, Scenario, Toxic
from chaos.scenario.toxics import DOORS
from chaos.toxiproxy.client import ToxiproxyClient


async def possible(faults: Sequence[Fault], client: ToxiproxyClient) -> tuple[tuple[Fault, ...], tuple[Lack, ...]]:
    """Return the faults that the server can make, and what it lacks for the others.

    Raises:
        ToxiproxyError: it does not answer. It is only asked where a fault needs an extension.
    """
    used = {fault.type for fault in faults if isinstance(fault, Toxic) and fault.extension}
    lack = used - await client.extensions() if used else set()
    if not lack:
        return tuple(faults), ()
    words = f"Toxiproxy {await client.version()} does not know {', '.join(sorted(lack))}, an extension of the lab's own"
    left = tuple(fault for fault in faults if fault.type not in lack)
    return left, (Lack(words, f"run it with {FORCE_TOXIPROXY}=embedded"),)


def forgotten(faults: Sequence[Fault], components: Sequence[Component]) -> tuple[Lack, ...]:
    """Return what a kill would empty here, nothing where everybody keeps what he has."""
    killed = {service for fault in faults if isinstance(fault, Kill) for service in fault.services}
    tansu = [one.name for one in components if one.name in killed and one.provider.startswith(TANSU)]
    if not tansu:
        return ()
    words = (
        f"Tansu plays {tansu[0]} here and keeps its topics in memory, so what a broker keeps over a kill is not shown"
    )
    return (Lack(words, "run it on the real Kafka: make components brings it"),)


def door_links(scenario: Scenario) -> frozenset[str]:
    """Return the links on which a fault hurts new connections alone: one that is open would not see it."""
    doors = (fault for fault in scenario.faults if isinstance(fault, Toxic) and fault.type in DOORS)
    return frozenset(link for fault in doors for link in fault.links)
