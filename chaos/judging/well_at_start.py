"""Were the arms well before the fault? Ratios and recoveries stand on the baseline, whatever it was.

An arm that serves nobody at rest keeps "the same" of nothing in the fault and is "back" at once after it. So a run
whose baseline is not that of a healthy shop proves nothing.
"""

from collections.abc import Sequence

from chaos.judging.rows import split
from chaos.records import Request
from chaos.report.numbers import quantity
from chaos.run import Evidence
from chaos.scenario import Scenario

# The scenarios ask a healthy shop for 0.99. A busy machine costs it a point or two; one customer in twenty is something
# else than the fault, and more than a bound on a share or a ratio can be read through.
WELL = 0.95


def well_at_start(scenario: Scenario, requests: Sequence[Request]) -> Evidence:
    """Check that every arm answered each kind of request in time in the baseline, at WELL of all arrivals."""
    arms = [arm.name for arm in scenario.arms]
    rows = split(requests, arms)
    from_s, to_s = scenario.phases.window("baseline")
    shares: list[tuple[float, str]] = []
    for arm in arms:
        for kind in scenario.load.kinds:
            own = rows[arm, kind].within(from_s, to_s)
            if len(own):
                share = float(own.in_time(scenario.load.in_time_s).mean())
                shares.append((share, f"{arm} served {quantity(share, 'share')} of {kind} in time in the baseline"))
            else:
                shares.append((0.0, f"nobody asked {arm} for a {kind} in the baseline"))
    if not shares:
        return _ill("nobody asked for anything in the baseline", "give the scenario load")
    ill = [said for share, said in shares if share < WELL]
    if not ill:
        return Evidence(name="well_at_start", holds=True, detail=f"the least: {min(shares)[1]}")
    return _ill(
        f"{'; '.join(ill)} ({quantity(WELL, 'share')} needed)",
        "run `lab run healthy` to see whether this machine carries the load; lower the load, or stop what else runs",
    )


def _ill(detail: str, remedy: str) -> Evidence:
    return Evidence(name="well_at_start", holds=False, detail=detail, remedy=remedy)
