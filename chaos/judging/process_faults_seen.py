"""Was a process killed or paused, seen at the victim? By its own door and by which process stands behind it.

The door must fail from the signal until the process was brought back, and not before it nor once it was ready again.
After a kill another process answers, one that began meanwhile; after a pause it is the same one.
"""

from collections.abc import Iterator, Sequence

from chaos.fault_names import door_name
from chaos.judging.fault_seen import EDGE_S
from chaos.judging.probe_views import HURT_INSIDE, HURT_OUTSIDE, MARGIN_S, MIN_PROBES, failed, share, took
from chaos.outage import Outage
from chaos.records import Probe
from chaos.report.numbers import quantity
from chaos.run import Evidence
from chaos.scenario import Kill, Pause, ProcessFault, Scenario

# The kernel dates a start by ticks since boot, and the boot to a second.
BEGAN_WITHIN_S = 1.5


def process_fault_evidence(
    scenario: Scenario, probes: Sequence[Probe], outages: Sequence[Outage]
) -> list[Evidence]:  # fmt: skip
    """Return one piece of evidence a service that was killed or paused, over all arms."""
    found = []
    for fault in scenario.faults:
        if isinstance(fault, Kill | Pause):
            found += [_evidence(scenario, fault, service, probes, outages) for service in fault.services]
    return found


def _evidence(
    scenario: Scenario, fault: ProcessFault, service: str, probes: Sequence[Probe], outages: Sequence[Outage]
) -> Evidence:
    said, wrong = [], []
    for arm in scenario.arms:
        own = [one for one in outages if one.service == service and one.arm in {arm.name, None}]
        at_door = [one for one in probes if (one.arm, one.link) == (arm.name, door_name(service))]
        if not own:
            wrong.append((f"{arm.name}: nothing was done to it", "see what the run said, then run again"))
            continue
        problems = [*_process_problems(scenario, fault, own[0]), *_door_problems(own[0], at_door)]
        wrong += [(f"{arm.name}: {problem}", remedy) for problem, remedy in problems]
        said.append(f"{arm.name} {_detail(own[0], at_door)}")
    return Evidence(
        name=f"fault_seen.{service}",
        holds=not wrong,
        detail=f"{service}: {'; '.join([text for text, _ in wrong] or said)}",
        remedy=wrong[0][1] if wrong else "",
    )


def _process_problems(scenario: Scenario, fault: ProcessFault, outage: Outage) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with when it happened, and with who came back."""
    from_s, to_s = scenario.phases.window("fault")
    defect = "this is a defect of the lab: see the logs of the service"
    down_ms = fault.attributes.down_ms if isinstance(fault, Kill) else None
    due_s = to_s if down_ms is None else outage.from_s + down_ms / 1000
    if abs(outage.from_s - from_s) > EDGE_S:
        yield f"the signal came at {outage.from_s:.1f} s, and the fault phase began at {from_s:.1f} s", defect
    if abs(outage.back_s - due_s) > EDGE_S:
        yield f"it was brought back at {outage.back_s:.1f} s, and {due_s:.1f} s was asked for", defect
    if isinstance(fault, Pause):
        if not outage.same_process:
            yield "another process answers after the pause", "it ended in its pause: see its log"
        return
    if outage.same_process:
        yield "the same process answers after the kill", defect
    elif not outage.from_s - BEGAN_WITHIN_S <= outage.began_s <= outage.ready_s + BEGAN_WITHIN_S:
        yield f"the process that answers began at {outage.began_s:.1f} s, not while it was down", defect


def _door_problems(outage: Outage, probes: Sequence[Probe]) -> Iterator[tuple[str, str]]:
    before, inside, after = _views(outage, probes)
    if min(len(before), len(inside), len(after)) < MIN_PROBES:
        counts = f"{len(before)}, {len(inside)} and {len(after)}"
        yield (
            f"its door was asked too seldom to know: {counts} times before, in and after it",
            f"make the outage and each phase long enough for {MIN_PROBES} questions: 2 s for a kill, 5 s for a pause",
        )
        return
    if share(before, failed) > HURT_OUTSIDE:
        yield f"its door failed before, too ({took(before)})", "make sure that nothing else runs, then run again"
    if share(inside, failed) < HURT_INSIDE:
        yield f"its door went on answering ({took(inside)})", "see what else listens on its port"
    if share(after, failed) > HURT_OUTSIDE:
        yield f"its door failed afterwards, too ({took(after)})", "lengthen phases.recovery_s, or see its log"


def _views(outage: Outage, probes: Sequence[Probe]) -> tuple[list[Probe], list[Probe], list[Probe]]:
    """Return the questions at a door before, in and after an outage; one near an edge, or over it, is in none."""
    ends = [(probe, probe.t_s + (probe.ms or 0) / 1000) for probe in probes]
    return (
        [probe for probe, end_s in ends if end_s < outage.from_s - MARGIN_S],
        [probe for probe, end_s in ends if probe.t_s > outage.from_s and end_s < outage.back_s - MARGIN_S],
        [probe for probe, _ in ends if probe.t_s > outage.ready_s + MARGIN_S],
    )


def _detail(outage: Outage, probes: Sequence[Probe]) -> str:
    before, inside, after = _views(outage, probes)
    stood = "dead" if outage.signal == "SIGKILL" else "standing still"
    return (
        f"{stood} for {quantity(outage.down_s, 's')} from {outage.signal} to ready (asked at its door {len(inside)}"
        f" times meanwhile: {took(inside)}; {took(before)} before, {took(after)} after)"
    )
