"""Was a fault inside a service there, seen at the victim? By what the service itself counts: its slow calls.

They must begin and end with the fault's window, in every arm. A counter is read twice a second, and less often from a
service whose event loop is blocked, so what is asked is only that it stood still before and after.
"""

from collections.abc import Iterable, Sequence

from chaos.judging.fault_seen import EDGE_S
from chaos.recording.exposition import select
from chaos.recording.metrics_file import Scrape
from chaos.run import Evidence, FaultWindow
from chaos.scenario import Scenario, SlowCall
from services.common.metrics import SLOW_CALLS_TOTAL

# By arm and service: (seconds after t0, slow calls so far).
Counts = dict[tuple[str, str], list[tuple[float, float]]]


def slow_calls(scenario: Scenario, scrapes: Iterable[Scrape]) -> Counts:
    """Return how the counters of the services went that a fault is switched on in; empty lists where none is known."""
    services = {service for fault in scenario.faults if isinstance(fault, SlowCall) for service in fault.services}
    counts: Counts = {(arm.name, service): [] for arm in scenario.arms for service in services}
    if not counts:
        return counts
    for scrape in scrapes:
        own = counts.get((scrape.arm, scrape.service))
        if own is None or scrape.samples is None:
            continue
        count = select(scrape.samples, SLOW_CALLS_TOTAL, {})
        if count is not None:
            own.append((scrape.t, count))
    return counts


def slow_call_evidence(scenario: Scenario, counts: Counts, windows: Sequence[FaultWindow]) -> list[Evidence]:
    """Return one piece of evidence a service, over all arms."""
    from_s, to_s = scenario.phases.window("fault")
    found = []
    for service in dict.fromkeys(service for _, service in counts):
        own = [window for window in windows if service in window.title]
        said, wrong = [], []
        for arm in scenario.arms:
            seen = counts[arm.name, service]
            before = _last(seen, from_s - 0.01)
            during = _last(seen, to_s + 2 * EDGE_S, least_s=from_s)
            after = [count for t_s, count in seen if t_s > to_s + EDGE_S]
            if not own or before is None or during is None or not after:
                wrong.append(f"{arm.name}: the service was not asked often enough to know")
            elif before > 0 or max(after) - min(after) > 0:
                wrong.append(f"{arm.name}: calls were slow outside the fault phase, too")
            elif max(after) == 0:
                wrong.append(f"{arm.name}: no call was slow")
            else:
                said.append(f"{arm.name} {max(after):,.0f} slow calls")
        late = [window for window in own if abs(window.from_s - from_s) > EDGE_S or abs(window.to_s - to_s) > EDGE_S]
        wrong += [f"it was in force from {one.from_s:.1f} to {one.to_s:.1f} s" for one in late]
        found.append(
            Evidence(
                name=f"fault_seen.{service}",
                holds=not wrong,
                detail=f"{service}: {'; '.join(wrong or said)}",
                remedy="see the logs of the service, and make sure that the load makes reservations" if wrong else "",
            )
        )
    return found


def _last(seen: Sequence[tuple[float, float]], until_s: float, *, least_s: float = float("-inf")) -> float | None:
    return next((count for t_s, count in reversed(seen) if least_s <= t_s <= until_s), None)
