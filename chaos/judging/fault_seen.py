"""Was the fault there, seen at the victim? Toxiproxy saying yes is not enough.

While a scenario runs, the lab makes the cheapest exchange of the protocol through each faulted link a few times a
second (`chaos.records.Probe`). A fault counts when these exchanges were hurt inside its window as the toxic says, and
were not hurt before and after it.
"""

from collections.abc import Sequence

from chaos.judging.fault_effect import effect_of
from chaos.judging.probe_views import HURT_OUTSIDE, MIN_PROBES, Views, failed, median_ms, share, took
from chaos.records import Probe
from chaos.run import Evidence, FaultWindow
from chaos.scenario import Scenario

# How far the window may begin or end away from its phase; more, and the phase's figures would mix two states.
EDGE_S = 1.0
# Less than this no toxic worth a scenario adds, and more than this a noisy machine does not at the median.
_ALIKE_MS = 20


def fault_evidence(scenario: Scenario, probes: Sequence[Probe], windows: Sequence[FaultWindow]) -> list[Evidence]:
    """Return one piece of evidence a faulted link, over all arms."""
    phase = scenario.phases.window("fault")
    found = []
    for link in scenario.faulted_links:
        effect = effect_of([fault for fault in scenario.faults if link in fault.links])
        name = f"fault_seen.{link}"
        own = [window for window in windows if link in window.links]
        problem = _window_problem(own, phase)
        if problem:
            remedy = "look for Toxiproxy's errors in the logs, then run again"
            found.append(Evidence(name=name, holds=False, detail=f"{link}: {problem}", remedy=remedy))
            continue
        inside = max(window.from_s for window in own), min(window.to_s for window in own)
        views = [
            Views.of([p for p in probes if p.link == link and p.arm == arm.name], inside, effect)
            for arm in scenario.arms
        ]
        details = [f"{arm.name} {view.detail()}" for arm, view in zip(scenario.arms, views, strict=True)]
        remedies = [remedy for view in views if (remedy := view.remedy())]
        found.append(
            Evidence(
                name=name,
                holds=not remedies,
                detail=f"{link}: {'; '.join(details)}",
                remedy=remedies[0] if remedies else "",
            )
        )
    return found


def _window_problem(windows: Sequence[FaultWindow], phase: tuple[float, float]) -> str:
    if not windows:
        return "no fault was ever in force"
    for window in windows:
        if abs(window.from_s - phase[0]) > EDGE_S or abs(window.to_s - phase[1]) > EDGE_S:
            return (
                f"the fault was in force from {window.from_s:.1f} to {window.to_s:.1f} s, but the fault phase was"
                f" {phase[0]:.1f} to {phase[1]:.1f} s"
            )
        # The heal began in time; until it was read back as done, nobody knows which arms were still hurt.
        if window.healed_s - min(window.to_s, phase[1]) > EDGE_S:
            return (
                f"the heal began at {window.to_s:.1f} s and was done at {window.healed_s:.1f} s, {EDGE_S:g} s are"
                " allowed: until then the recovery phase was a fault phase"
            )
    return ""


def no_fault_evidence(scenario: Scenario, probes: Sequence[Probe]) -> Evidence:
    """Return the evidence that a scenario without faults ran without any, on every link that was probed."""
    from_s, to_s = scenario.phases.window("fault")
    links = sorted({(probe.arm, probe.link) for probe in probes})
    hurt = []
    for arm, link in links:
        own = [probe for probe in probes if (probe.arm, probe.link) == (arm, link)]
        inside = [probe for probe in own if from_s <= probe.t_s < to_s]
        outside = [probe for probe in own if not from_s <= probe.t_s < to_s]
        if not _alike(inside, outside):
            hurt.append(f"{arm}.{link} {took(inside)} in the fault phase, {took(outside)} outside it")
    arms = {arm for arm, _ in links}
    missing = [arm.name for arm in scenario.arms if arm.name not in arms]
    if missing:
        detail, remedy = f"no link of {', '.join(missing)} was probed", "this is a defect of the recorder"
    elif hurt:
        detail, remedy = "; ".join(hurt[:3]), "make sure that nothing else runs on this machine, then run again"
    else:
        detail, remedy = f"none on {len(links)} links: {took(probes)} at the median", ""
    return Evidence(name="no_fault_seen", holds=not remedy, detail=detail, remedy=remedy)


def _alike(inside: Sequence[Probe], outside: Sequence[Probe]) -> bool:
    if min(len(inside), len(outside)) < MIN_PROBES:
        return False
    if max(share(inside, failed), share(outside, failed)) > HURT_OUTSIDE:
        return False
    return median_ms(inside) <= 2 * median_ms(outside) + _ALIKE_MS
