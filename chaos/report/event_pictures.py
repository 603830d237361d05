"""What became of the orders' events over time: how many notifications took, and how many wait in the outbox."""

from collections.abc import Callable, Sequence

from chaos.report import series as per
from chaos.report.axis import SAMPLE_STEP_S, arm_names, end_s
from chaos.report.charts import Chart, Line
from chaos.report.recorded import Recorded, Series
from services.common.metrics import CONSUMER_CONSUMED_TOTAL, OUTBOX_UNPUBLISHED

# What is on its way anyhow.
WORTH_SHOWING = 10.0


def taken_chart(recorded: Recorded) -> Chart | None:
    """Show how many events notifications took, all in all, so that a gap stays one; None where there are no events."""
    run = recorded.run
    lines = _lines(recorded, CONSUMER_CONSUMED_TOTAL, per.grown)
    if not lines:
        return None
    return Chart(
        key="taken", title="Events taken by notifications, so far", unit="count",
        note="each is an order that its customer is told of", end_s=end_s(run), step_s=SAMPLE_STEP_S, height=130,
        lines=lines,
    )  # fmt: skip


def outbox_chart(recorded: Recorded) -> Chart | None:
    """Show what waited to be published; None where next to nothing did, or events are no part of the run."""
    run = recorded.run
    if "events" not in run.scenario.needs:
        return None
    lines = _lines(recorded, OUTBOX_UNPUBLISHED, per.sampled)
    if not any(value is not None and value >= WORTH_SHOWING for line in lines for value in line.values):
        return None
    return Chart(
        key="outbox", title="Why: events that wait in the outbox", unit="count",
        note="committed with their orders, not yet published", end_s=end_s(run), step_s=SAMPLE_STEP_S, height=130,
        lines=lines,
    )  # fmt: skip


def _lines(
    recorded: Recorded, name: str, on_grid: Callable[[Sequence[Series], float, float], per.Values]
) -> tuple[Line, ...]:
    """Return a line for each arm that has the metric."""
    run = recorded.run
    own = {arm: [one for one in recorded.series if (one.arm, one.name) == (arm, name)] for arm in arm_names(run)}
    return tuple(Line(arm, arm, on_grid(each, end_s(run), SAMPLE_STEP_S)) for arm, each in own.items() if each)
