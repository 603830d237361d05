"""Whom a process fault hits, and the door at which the lab sees it: the victim's own, past Toxiproxy."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from chaos.engines.links import Link
from chaos.engines.running import RunningLab
from chaos.errors import ProcessFaultError
from chaos.fault_names import door_name
from chaos.scenario import Kill, Pause, ProcessFault, Scenario


@dataclass(frozen=True)
class Victim:
    """One process: `name` as in compose.yaml, `arm` None where all arms share it, `door` where it is asked."""

    service: str
    arm: str | None
    name: str
    door: Link


def victims(fault: ProcessFault, arms: Sequence[str], lab: RunningLab) -> tuple[Victim, ...]:
    """Return the processes of a fault; raises ProcessFaultError where one is not there or cannot be hurt here."""
    refusal = lab.processes.refusal()
    if refusal:
        raise ProcessFaultError(f"{' and '.join(fault.services)}: {refusal}")
    found = [
        Victim(service, arm, name, door(lab, service, arm or arms[0]))
        for service in fault.services
        for arm, name in lab.process_names(service, arms).items()
    ]
    for victim in found:
        if victim.name not in lab.processes.names():
            raise ProcessFaultError(f"{victim.name} does not run in this lab, so nothing can be done to it")
    return tuple(found)


def door(lab: RunningLab, service: str, arm: str) -> Link:
    """Return the lab's own way to a service, as an arm of it is reached; raises ProcessFaultError."""
    for running in lab.services:
        if running.service == service and running.arm in {arm, None}:
            address = urlsplit(running.url).netloc
            return Link(arm, door_name(service), address, address, running.url)
    for link in lab.links:
        if link.arm == arm and link.name.endswith(f"_to_{service}"):
            return Link(arm, door_name(service), link.upstream, link.upstream, link.direct_url)
    raise ProcessFaultError(f"no link of the arm {arm} leads to {service}, so nobody could see what happens to it")


def check_hurtable(scenario: Scenario, lab: RunningLab) -> None:
    """Raise ProcessFaultError where a process that the scenario hurts cannot be hurt in this lab."""
    arms = [arm.name for arm in scenario.arms]
    for fault in scenario.faults:
        if isinstance(fault, Kill | Pause):
            victims(fault, arms, lab)


def doors(services: Sequence[str], arms: Sequence[str], lab: RunningLab) -> tuple[Link, ...]:
    """Return the doors of services in every arm; of a shared one too, for each arm must have missed it."""
    return tuple(door(lab, service, arm) for service in services for arm in arms)
