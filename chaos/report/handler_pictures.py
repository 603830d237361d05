"""What explains handlers that are compared: how late inventory's event loop was, and how many threads it used.

Only inventory's handlers are written in several ways, so only its event loop and threads are drawn.
"""

from chaos.report import series as per
from chaos.report.axis import SAMPLE_STEP_S, arm_names, end_s
from chaos.report.charts import Chart, Line, needs_log
from chaos.report.recorded import Recorded, Series
from chaos.run import Run
from services.common.metrics import EVENT_LOOP_LAG, EVENT_LOOP_LAG_MAX, THREAD_TOKENS_USED

SERVICE = "inventory"


def handlers_differ(run: Run) -> bool:
    """Say whether the arms of a run differ in how their handlers are written."""
    return len({arm.handler for arm in run.arms}) > 1


def series_of(series: tuple[Series, ...], arm: str, metric: str) -> Series | None:
    """Return a metric of an arm's inventory, None where it was not recorded."""
    return next((one for one in series if (one.service, one.arm, one.name) == (SERVICE, arm, metric)), None)


def lags_ms(recorded: Recorded, arm: str) -> per.Values:
    """Return an arm's worst lag of the event loop on the grid of samples, in milliseconds; empty if not recorded."""
    gauge = series_of(recorded.series, arm, EVENT_LOOP_LAG_MAX)
    if gauge is None:
        return ()
    told = series_of(recorded.lags, arm, EVENT_LOOP_LAG)
    return per.worst_lags_ms(gauge, told, end_s(recorded.run), SAMPLE_STEP_S)


def lag_chart(recorded: Recorded) -> Chart | None:
    """Show how late the event loop was at worst."""
    lines = [Line(arm, arm, values) for arm in arm_names(recorded.run) if (values := lags_ms(recorded, arm))]
    if not lines:
        return None
    log = needs_log(lines)
    note = "from its own 25 ms probe; where it answered nobody, as it told afterwards"
    return Chart(
        key="lag", title=f"Why: worst lag of the event loop ({SERVICE}), ms", unit="ms",
        note=f"{note}; log scale" if log else note,
        end_s=end_s(recorded.run), step_s=SAMPLE_STEP_S, height=140, log=log, lines=tuple(lines),
    )  # fmt: skip


def tokens_chart(recorded: Recorded) -> Chart | None:
    """Show how many threads ran handlers."""
    run = recorded.run
    found = [(arm, series_of(recorded.series, arm, THREAD_TOKENS_USED)) for arm in arm_names(run)]
    lines = [Line(arm, arm, per.sampled([one], end_s(run), SAMPLE_STEP_S)) for arm, one in found if one is not None]
    if not lines:
        return None
    return Chart(
        key="tokens", title=f"Why: threads that run a handler ({SERVICE})", unit="count",
        note="thread tokens, sampled twice a second",
        end_s=end_s(run), step_s=SAMPLE_STEP_S, height=110, lines=tuple(lines),
    )  # fmt: skip
