"""From the records of every request to the figures of every arm and phase; pure.

What each figure means is said once, in `chaos.judging.figure_names`; how it is computed is said here.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from chaos.booked import ArmLedger, Delay
from chaos.judging.figure_names import FROM_COPIES, VIOLATIONS
from chaos.judging.quantiles import percentile
from chaos.judging.recovery import recovery
from chaos.judging.rows import Flags, Rows, split
from chaos.records import Request
from chaos.run import Figure, LoadQuality
from chaos.scenario import JUDGED_PHASES, KINDS, Kind, Phase, Scenario

# A figure by arm, phase and name, in that order.
Figures = dict[str, dict[str, dict[str, Figure]]]


def figures(requests: Sequence[Request], scenario: Scenario, ledger: Mapping[str, ArmLedger]) -> Figures:
    """Return every figure of every arm in baseline, fault and recovery.

    A request belongs to the phase of its intended instant. An arm without a ledger has no figures of the ledger.
    """
    rows = split(requests, [arm.name for arm in scenario.arms])
    result: Figures = {}
    for arm in (arm.name for arm in scenario.arms):
        own: dict[str, dict[str, Figure]] = {phase: {} for phase in JUDGED_PHASES}
        for kind in KINDS:
            for phase, of_phase in _of_kind(rows[arm, kind], kind, scenario).items():
                own[phase].update({f"{kind}.{name}": figure for name, figure in of_phase.items()})
        own["recovery"]["recovery_s"] = _later([own["recovery"][f"{kind}.recovery_s"] for kind in scenario.load.kinds])
        if arm in ledger:
            own["recovery"].update(ledger_figures(ledger[arm]))
        result[arm] = own
    return result


def _of_kind(rows: Rows, kind: Kind, scenario: Scenario) -> dict[Phase, dict[str, Figure]]:
    in_time_s = scenario.load.in_time_s
    result: dict[Phase, dict[str, Figure]] = {}
    for phase in JUDGED_PHASES:
        from_s, to_s = scenario.phases.window(phase)
        result[phase] = _of_phase(rows.within(from_s, to_s), in_time_s, to_s - from_s)
        if kind not in FROM_COPIES:
            del result[phase]["stale_share"]
    baseline = result["baseline"]
    for phase in ("fault", "recovery"):
        own = result[phase]
        own["goodput_ratio"] = _ratio(own["in_time_share"], baseline["in_time_share"])
        own["p95_ratio"] = _ratio(own["p95_ms"], baseline["p95_ms"])
    result["recovery"]["recovery_s"] = recovery(
        rows, in_time_s, scenario.phases.window("recovery"), baseline_share=baseline["in_time_share"].value
    )
    return result


def _of_phase(rows: Rows, in_time_s: float, seconds: float) -> dict[str, Figure]:
    """Return the figures of one arm, kind and phase.

    Shares are of all arrivals, skipped ones among them. Latencies are of all that were sent: a customer who gave up
    counts with the patience, a refusal with the time it took.
    """
    n = len(rows)
    in_time = rows.in_time(in_time_s)
    sent_ms = rows.latency_ms[~rows.skipped]
    refused_ms = rows.latency_ms[rows.refused]
    return {
        "offered_per_s": Figure(value=n / seconds, n=n),
        "in_time_share": _share(in_time),
        "answered_share": _share(rows.answered),
        "goodput_per_s": Figure(value=int(in_time.sum()) / seconds, n=n),
        "p50_ms": _latency(sent_ms, 0.50),
        "p95_ms": _latency(sent_ms, 0.95),
        "p99_ms": _latency(sent_ms, 0.99),
        "refused_share": _share(rows.refused),
        "refused_p95_ms": _latency(refused_ms, 0.95),
        "refused_with_retry_after_share": _share(rows.retry_after[rows.refused]),
        "failed_share": _share(rows.failed),
        "gave_up_share": _share(rows.gave_up),
        "stale_share": _share(rows.stale & rows.answered),
    }


def _share(marked: Flags) -> Figure:
    return Figure(value=float(marked.mean()) if len(marked) else None, n=len(marked))


def _latency(values_ms: np.ndarray[tuple[int], np.dtype[np.float64]], q: float) -> Figure:
    return Figure(value=percentile(values_ms, q) if len(values_ms) else None, n=len(values_ms))


def _ratio(own: Figure, baseline: Figure) -> Figure:
    n = min(own.n, baseline.n)
    if own.value is None or not baseline.value:
        return Figure(value=None, n=n)
    return Figure(value=own.value / baseline.value, n=n)


def _later(recoveries: Sequence[Figure]) -> Figure:
    """Return the later of the recoveries, of the kinds with load: an arm is back when all its customers are served.

    None if one of them is: a kind that cannot be said to be back must not pass for one that is. Censored if any of
    them is: the arm was not back when the phase ended, whatever the other kind did.
    """
    n = sum(figure.n for figure in recoveries)
    values = [figure.value for figure in recoveries if figure.value is not None]
    if not values or len(values) < len(recoveries):
        return Figure(value=None, n=n)
    return Figure(value=max(values), n=n, censored=any(figure.censored for figure in recoveries))


def ledger_figures(ledger: ArmLedger) -> dict[str, Figure]:
    """Return the figures of an arm's ledger; `n` is the number of acknowledged orders that were looked for."""
    counts = {
        "orders.lost": ledger.orders_lost,
        "orders.doubled": ledger.orders_doubled,
        "charges.lost": ledger.charges_lost,
        "charges.doubled": ledger.charges_doubled,
        "orders.ambiguous": ledger.ambiguous,
        "charges.unsettled": ledger.unsettled,
    }
    if (events := ledger.events) is not None:
        counts |= {
            "events.unpublished": events.unpublished,
            "events.repeated": events.repeated,
            "notifications.missing": events.missing,
            "notifications.doubled": events.doubled,
        }
    found = {name: Figure(value=count, n=ledger.acknowledged) for name, count in counts.items()}
    return found | (_delays(events.delay) if events is not None else {})


def _delays(delay: Delay | None) -> dict[str, Figure]:
    names = ("p50_ms", "p99_ms", "max_ms")
    if delay is None:
        return {f"notifications.{name}": Figure(value=None, n=0) for name in names}
    return {f"notifications.{name}": Figure(value=getattr(delay, name), n=delay.n) for name in names}


def violations(ledger: ArmLedger) -> dict[str, int]:
    """Return what the ledger proves to be lost or doubled, each with its count above zero."""
    return {
        name: int(figure.value)
        for name, figure in ledger_figures(ledger).items()
        if name in VIOLATIONS and figure.value
    }


def load_quality(requests: Sequence[Request], arrivals: int, *, judged_from_s: float) -> LoadQuality:
    """Return how true the generator was to a schedule of `arrivals`.

    Lag is of what was sent from `judged_from_s` on: no figure counts what came before, while connections were opened.
    """
    sent = [request for request in requests if request.outcome != "skipped"]
    lags = np.array([request.lag_ms for request in sent if request.intended_s >= judged_from_s], dtype=float)
    return LoadQuality(
        arrivals=arrivals,
        sent=len(sent),
        skipped=len(requests) - len(sent),
        lag_p99_ms=percentile(lags, 0.99) if len(lags) else 0.0,
        lag_max_ms=float(lags.max()) if len(lags) else 0.0,
    )
