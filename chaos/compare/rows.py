"""From one run with several kinds of handler to one set of figures an arm; pure.

The hurt route is the checkout, which reserves; the innocent one is the list of products, which needs no database and no
slow call, only a free event loop.
"""

from dataclasses import dataclass

from chaos.compare.bounds import DEFAULTS, Bound, Resources, bound
from chaos.report import figure_words as names
from chaos.report.arm_words import value_of
from chaos.report.axis import SAMPLE_STEP_S, arm_names
from chaos.report.handler_pictures import lags_ms, series_of
from chaos.report.recorded import Recorded
from chaos.scenario import Handler, Phase
from resilience.metrics import CALLS_TOTAL
from resilience.outcome import Outcome
from services.common.metrics import DB_POOL_SIZE, THREAD_TOKENS, THREAD_TOKENS_USED, THREAD_TOKENS_WAITING

CALLS = {"link": "orders_to_inventory", "outcome": Outcome.SUCCESS.value}


@dataclass(frozen=True, slots=True)
class ArmRow:
    """One arm. None where nothing was recorded.

    `handled_per_s` counts reservations that inventory answered a second, in time or not; pairs are (before, during).
    `looks` are the recorder's in the fault phase.
    """

    arm: str
    handler: Handler
    bound: Bound | None
    asked_per_s: float | None
    handled_per_s: float | None
    goodput_per_s: float | None
    hurt_ms: tuple[float | None, float | None]
    innocent_ms: tuple[float | None, float | None]
    lag_ms: tuple[float | None, float | None]
    tokens: float | None
    tokens_used: float | None
    tokens_waiting: float | None
    looks: int
    looks_answered: int


def arm_rows(recorded: Recorded) -> tuple[ArmRow, ...]:
    """Return the figures of each arm, in the order of the slots."""
    run = recorded.run
    from_s, to_s = run.scenario.phases.window("fault")
    kinds = {arm.name: arm.handler for arm in run.arms}
    answered = {arm: _looks(recorded, arm, from_s, to_s) for arm in arm_names(run)}
    most = max(answered.values(), default=0)
    return tuple(_row(recorded, arm, kinds.get(arm, "async"), looks=(most, answered[arm])) for arm in answered)


def _row(recorded: Recorded, arm: str, handler: Handler, *, looks: tuple[int, int]) -> ArmRow:
    run = recorded.run
    tokens, size = (_peak(recorded, arm, name, whole=True) for name in (THREAD_TOKENS, DB_POOL_SIZE))
    resources = Resources(int(size or DEFAULTS.pool_size), int(tokens or DEFAULTS.thread_tokens))
    bounds = [found for fault in run.scenario.faults if (found := bound(fault, handler, resources)) is not None]
    return ArmRow(
        arm=arm, handler=handler, bound=min(bounds, key=_tightness, default=None),
        asked_per_s=value_of(run, arm, "fault", "checkout.offered_per_s"), handled_per_s=_handled(recorded, arm),
        goodput_per_s=value_of(run, arm, "fault", "checkout.goodput_per_s"),
        hurt_ms=_before_and_during(recorded, arm, names.CHECKOUT_P95),
        innocent_ms=_before_and_during(recorded, arm, names.LIST_P95),
        lag_ms=(_worst_lag(recorded, arm, "baseline"), _worst_lag(recorded, arm, "fault")),
        tokens=tokens, tokens_used=_peak(recorded, arm, THREAD_TOKENS_USED),
        tokens_waiting=_peak(recorded, arm, THREAD_TOKENS_WAITING), looks=looks[0], looks_answered=looks[1],
    )  # fmt: skip


def _before_and_during(recorded: Recorded, arm: str, figure: str) -> tuple[float | None, float | None]:
    return value_of(recorded.run, arm, "baseline", figure), value_of(recorded.run, arm, "fault", figure)


def _tightness(found: Bound) -> float:
    return float("inf") if found.per_s is None else found.per_s


def _peak(recorded: Recorded, arm: str, metric: str, *, whole: bool = False) -> float | None:
    """Return the largest sample of the fault phase, or of the whole run."""
    one = series_of(recorded.series, arm, metric)
    from_s, to_s = recorded.run.scenario.phases.window("fault")
    return max((value for at_s, value in one.points if whole or from_s <= at_s < to_s), default=None) if one else None


def _looks(recorded: Recorded, arm: str, from_s: float, to_s: float) -> int:
    one = series_of(recorded.series, arm, THREAD_TOKENS)
    return sum(1 for at_s, _ in one.points if from_s <= at_s < to_s) if one else 0


def _worst_lag(recorded: Recorded, arm: str, phase: Phase) -> float | None:
    from_s, to_s = recorded.run.scenario.phases.window(phase)
    cells = lags_ms(recorded, arm)[int(from_s / SAMPLE_STEP_S) : int(to_s / SAMPLE_STEP_S)]
    return max((value for value in cells if value is not None), default=None)


def _handled(recorded: Recorded, arm: str) -> float | None:
    """Return how many reservations inventory answered a second in the fault phase, as its caller counts them.

    Its own counter would do only while it answers the recorder.
    """
    from_s, to_s = recorded.run.scenario.phases.window("fault")
    for one in recorded.series:
        if (one.name, one.arm) == (CALLS_TOTAL, arm) and CALLS.items() <= one.labels.items():
            inside = [(at_s, value) for at_s, value in one.points if from_s <= at_s < to_s]
            if len(inside) > 1:
                (first_s, first), (last_s, last) = inside[0], inside[-1]
                return (last - first) / (last_s - first_s)
    return None
