"""How each kind of fault is put in force, and where the lab looks for it while it is."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from chaos.engines.links import Link
from chaos.engines.running import RunningLab
from chaos.fault_names import door_name
from chaos.fault_support import door_links
from chaos.faults import InForce, applied
from chaos.message_faults import written
from chaos.process_faults import DatedClock, struck
from chaos.recording.probes import DOOR_BOUND_S, PERIOD_S, REST_PERIOD_S, Probes
from chaos.scenario import Fault, Kill, Messages, Pause, Scenario, SlowCall
from chaos.service_faults import switched_on
from chaos.toxiproxy.client import ToxiproxyClient
from chaos.victims import doors
from resilience.clock import Clock

# A fault inside a service ends by itself this long after its phase: a blocked loop may read our heal much later.
SERVICE_FAULT_LONGER_S = 0.5
# A toxic outlives its phase by this only if the lab has died; above any delay of a heal.
LINK_FAULT_LONGER_S = 5.0


def in_force(
    fault: Fault, arms: Sequence[str], client: ToxiproxyClient, lab: RunningLab, clock: DatedClock,
    *, fault_s: float, healing: Callable[[], None],
) -> AbstractAsyncContextManager[InForce]:  # fmt: skip
    """Return a fault as a block: in force on every arm inside, healed however it is left.

    `healing` is called where a fault ends before its block. Entering and leaving raise LabError.
    """
    if isinstance(fault, Kill | Pause):
        return struck(fault, arms, lab, clock, healing=healing)
    if isinstance(fault, Messages):
        return written(fault, arms, lab, clock)
    if isinstance(fault, SlowCall):
        return switched_on(fault, arms, lab.service_url, clock, ttl_s=fault_s + SERVICE_FAULT_LONGER_S)
    return applied(fault, arms, client, clock, ttl_s=fault_s + LINK_FAULT_LONGER_S)


def eyes(scenario: Scenario, lab: RunningLab, clock: Clock, t0: float) -> Probes:
    """Return the probes of a run: of every link, and of the doors of those whose processes are hurt.

    Raises ProcessFaultError where a door is not there.
    """
    arms = [arm.name for arm in scenario.arms]
    hurt = scenario.faulted_processes
    watched = dict.fromkeys(doors(hurt, arms, lab), PERIOD_S)
    bounds_s = {door_name(service): DOOR_BOUND_S for service in hurt}
    return Probes(_periods(scenario, lab) | watched, clock=clock, t0=t0, fresh=door_links(scenario), bounds_s=bounds_s)


def _periods(scenario: Scenario, lab: RunningLab) -> dict[Link, float]:
    """Return how often each link is probed; where no fault is, all of them are the evidence."""
    hurt = scenario.faulted_links
    return {link: PERIOD_S if link.name in hurt or not scenario.faults else REST_PERIOD_S for link in lab.links}
