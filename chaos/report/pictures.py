"""Which charts a report shows: what customers got, what they waited, why, and the evidence that the fault was there.

Few charts, in the order of a reader's questions. The explanation is chosen by the figures: the queue for a database
connection where there was one, else the requests in progress. Handlers that are compared explain themselves by their
event loop and its threads (chaos.report.handler_pictures).
"""

from collections.abc import Mapping, Sequence

from chaos.fault_names import door_name
from chaos.report import series as per
from chaos.report.axis import SAMPLE_STEP_S, arm_names, end_s
from chaos.report.charts import DASHES, Chart, Line, Mark, Strip, needs_log
from chaos.report.event_pictures import outbox_chart, taken_chart
from chaos.report.handler_pictures import handlers_differ, lag_chart, tokens_chart
from chaos.report.numbers import grouped, seconds
from chaos.report.recorded import Recorded, Series
from chaos.scenario import Kind
from resilience.metrics import BREAKER_STATE, BREAKER_STATE_VALUES
from resilience.states import BreakerState
from services.common.metrics import DB_POOL_WAITING, HTTP_IN_FLIGHT

PROBE_STEP_S = 0.25
# A queue shorter than this explains nothing.
QUEUE_WORTH_SHOWING = 3.0
UNANSWERED_WORTH_SHOWING = 0.05
CLOSED = BREAKER_STATE_VALUES[BreakerState.CLOSED]
# Those who need least come first: what they wait, they wait for others.
_LATENCY_NOUNS = (
    ("browse", "Browsing"), ("list", "Listing"), ("product", "Reading"), ("search", "Searching"),
    ("checkout", "Checkout"),
)  # fmt: skip
_NOUNS: Mapping[Kind, str] = {
    "checkout": "Checkouts", "browse": "Browses", "list": "Lists", "product": "Products", "search": "Searches",
}  # fmt: skip
_WAITING = (DB_POOL_WAITING, "calls waiting for a database connection", "sampled twice a second")
_IN_FLIGHT = (HTTP_IN_FLIGHT, "requests in progress", "sampled twice a second")


def charts(recorded: Recorded) -> tuple[Chart, ...]:
    """Return the charts of a run, in the order in which they are read; those without any data are left out."""
    found = [in_time_chart(recorded), looked_chart(recorded), latency_chart(recorded), taken_chart(recorded)]
    found += [*_why_charts(recorded), outbox_chart(recorded), breaker_chart(recorded), *evidence_charts(recorded)]
    return tuple(chart for chart in found if chart is not None)


def in_time_chart(recorded: Recorded) -> Chart | None:
    """Show what customers who wanted to buy got, or who look where nobody buys."""
    load = recorded.run.scenario.load
    return _in_time(recorded, "checkout" if load.checkout_per_s else load.looking, "in-time")


def looked_chart(recorded: Recorded) -> Chart | None:
    """Show what customers got who only look, where some of them got nothing: how soon that was says little then."""
    run = recorded.run
    kind, (from_s, to_s) = run.scenario.load.looking, run.scenario.phases.window("fault")
    if not run.scenario.load.checkout_per_s:
        return None
    for arm in arm_names(run):
        asked = [r for r in recorded.requests if (r.arm, r.kind) == (arm, kind) and from_s <= r.intended_s < to_s]
        if sum(r.outcome in ("refused", "failed") for r in asked) > UNANSWERED_WORTH_SHOWING * len(asked):
            return _in_time(recorded, kind, "looked")
    return None


def _in_time(recorded: Recorded, kind: Kind, key: str) -> Chart | None:
    run = recorded.run
    load, rate = run.scenario.load, getattr(run.scenario.load, f"{kind}_per_s")
    requests = [request for request in recorded.requests if request.kind == kind]
    if not requests:
        return None
    lines = [
        Line(arm, arm, per.in_time_per_s((r for r in requests if r.arm == arm), load.in_time_s, end_s(run)))
        for arm in arm_names(run)
    ]
    first = arm_names(run)[0]
    offered = Line("offered", None, per.offered_per_s((r for r in requests if r.arm == first), end_s(run)), dash=2)
    return Chart(
        key=key, title=f"{_NOUNS[kind]} answered in time, per second", unit="per_s", end_s=end_s(run), step_s=1,
        height=150, lines=(offered, *lines),
        note=f"within {seconds(load.in_time_s)}; dotted: offered, {grouped(rate, 0)} /s",
    )  # fmt: skip


def latency_chart(recorded: Recorded) -> Chart | None:
    """Show what customers waited who only look, or who buy where nobody looks."""
    run = recorded.run
    kinds = run.scenario.load.kinds
    kind, noun = next((one for one in _LATENCY_NOUNS if one[0] in kinds), _LATENCY_NOUNS[-1])
    requests = [request for request in recorded.requests if request.kind == kind]
    if not requests:
        return None
    lines = tuple(
        Line(arm, arm, per.latency_quantile_per_s((r for r in requests if r.arm == arm), 0.95, end_s(run)))
        for arm in arm_names(run)
    )
    return Chart(
        key="latency", title=f"{noun} latency p95, ms", unit="ms", end_s=end_s(run), step_s=1, height=170, log=True,
        note="from the intended instant, log scale", lines=lines,
    )  # fmt: skip


def _why_charts(recorded: Recorded) -> list[Chart | None]:
    """Return what explains: where arms differ in their handlers the event loop and its threads, else the queue."""
    why = [lag_chart(recorded), tokens_chart(recorded)] if handlers_differ(recorded.run) else []
    return why if any(why) else [why_chart(recorded)]


def why_chart(recorded: Recorded) -> Chart | None:
    """Show the queue that explains the two charts above."""
    candidates = [_queue_chart(recorded, *of) for of in (_WAITING, _IN_FLIGHT)]
    there = [chart for chart in candidates if chart is not None]
    return next((chart for chart in there if chart.top >= QUEUE_WORTH_SHOWING), there[0] if there else None)


def _queue_chart(recorded: Recorded, metric: str, words: str, note: str) -> Chart | None:
    found = [one for one in recorded.series if one.name == metric]
    services = _longest_queues(found)
    if not services:
        return None
    lines = []
    for arm in arm_names(recorded.run):
        for dash, service in enumerate(services):
            own = [one for one in found if (one.arm, one.service) == (arm, service)]
            values = per.sampled(own, end_s(recorded.run), SAMPLE_STEP_S)
            label = f"{arm} {service}" if len(services) > 1 else arm
            lines.append(Line(label, arm, values, dash=dash, within=service))
    of = f" ({services[0]})" if len(services) == 1 else ""
    return Chart(
        key="why", title=f"Why: {words}{of}", note=note, unit="count", end_s=end_s(recorded.run), step_s=SAMPLE_STEP_S,
        height=140, lines=tuple(lines),
    )  # fmt: skip


def _longest_queues(found: Sequence[Series]) -> tuple[str, ...]:
    """Return the two services whose queue was longest; those without a queue only where nobody had one."""
    peaks: dict[str, float] = {}
    for one in found:
        peaks[one.service] = max(peaks.get(one.service, 0.0), max((value for _, value in one.points), default=0.0))
    order = sorted(peaks, key=lambda service: (-peaks[service], service))
    queued = [service for service in order if peaks[service] >= QUEUE_WORTH_SHOWING]
    return tuple((queued or order[:1])[:2])


def breaker_chart(recorded: Recorded) -> Chart | None:
    """Show when a breaker was not closed; none where every breaker stayed closed."""
    end = end_s(recorded.run)
    strips = []
    for arm in arm_names(recorded.run):
        for one in recorded.series:
            if one.name == BREAKER_STATE and one.arm == arm:
                spans = per.states(one, end)
                if any(state != CLOSED for _, _, state in spans):
                    strips.append(Strip(f"{arm} {one.labels.get('link', one.service)}", arm, spans))
    if not strips:
        return None
    return Chart(
        key="breaker", title="Why: breakers", note="filled: open; hatched: half-open; thin: closed", unit="count",
        end_s=end, step_s=SAMPLE_STEP_S, height=12 + 30 * len(strips), strips=tuple(strips),
    )  # fmt: skip


def evidence_charts(recorded: Recorded) -> list[Chart]:
    """Show what the lab's own exchanges through the faulted links took, or at the doors of processes that were hurt.

    As many links a chart as there are dashes.
    """
    run = recorded.run
    probed = tuple(dict.fromkeys(probe.link for probe in recorded.probes))
    hurt = (*run.scenario.faulted_links, *map(door_name, run.scenario.faulted_processes))
    links = tuple(link for link in hurt if link in probed) or probed
    groups = [links[start : start + len(DASHES)] for start in range(0, len(links), len(DASHES))]
    return [_evidence_chart(recorded, group, index) for index, group in enumerate(groups)]


def _evidence_chart(recorded: Recorded, links: tuple[str, ...], index: int) -> Chart:
    run = recorded.run
    lines, marks = [], []
    for arm in arm_names(run):
        for dash, link in enumerate(links):
            probes = [probe for probe in recorded.probes if (probe.arm, probe.link) == (arm, link)]
            label = f"{arm} {link}" if len(links) > 1 else arm
            lines.append(Line(label, arm, per.probed_ms(probes, end_s(run), PROBE_STEP_S), dash=dash, within=link))
            marks += [
                Mark(arm, label, probe.t_s, probe.error or "no answer")
                for probe in probes
                if probe.ms is None and 0 <= probe.t_s <= end_s(run)
            ]
    log = needs_log(lines)
    of = f" through {links[0]}" if len(links) == 1 else ""
    parts = ["the lab's own probe", *(["log scale"] if log else []), *(["crosses: failed"] if marks else [])]
    return Chart(
        key=f"evidence-{index}", title=f"Evidence: one exchange{of}, ms", note=", ".join(parts), unit="ms",
        end_s=end_s(run), step_s=PROBE_STEP_S, height=140, log=log, lines=tuple(lines), marks=tuple(marks),
    )  # fmt: skip
