"""What each second of a run looked like, computed from the records themselves; pure.

Requests are counted in the second in which the customer *meant* to ask, so that a wait never moves a request into a
better second. Samples and probes are put on a fixed grid, so that all lines of a chart share one time axis.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from chaos.records import Probe, Request
from chaos.report.recorded import Series

Values = tuple[float | None, ...]
# The recorder looks twice a second; one look may be missed by a process that is only busy.
SILENT_S = 1.1


def grid(end_s: float, step_s: float) -> tuple[float, ...]:
    """Return the beginnings of the cells that cover 0 to `end_s`, `step_s` wide; at least one."""
    count = max(1, math.ceil(end_s / step_s - 1e-9))
    return tuple(round(index * step_s, 6) for index in range(count))


def offered_per_s(requests: Iterable[Request], end_s: float) -> Values:
    """Return how many requests were due in each second, sent or not."""
    return _rates([request.intended_s for request in requests], end_s)


def in_time_per_s(requests: Iterable[Request], in_time_s: float, end_s: float) -> Values:
    """Return how many requests of each second were answered within `in_time_s` of the intended instant."""
    return _rates([r.intended_s for r in requests if answered_in_time(r, in_time_s)], end_s)


def answered_in_time(request: Request, in_time_s: float) -> bool:
    """Say whether the customer got an answer, and soon enough."""
    return request.outcome == "answered" and request.latency_ms <= in_time_s * 1000


def latency_quantile_per_s(requests: Iterable[Request], quantile: float, end_s: float) -> Values:
    """Return a quantile of the latency (ms) of each second's requests; None where nothing was sent.

    A request whose customer gave up counts with the patience it took; refusals and failures count with their time.
    """
    cells: list[list[float]] = [[] for _ in grid(end_s, 1)]
    for request in requests:
        index = int(request.intended_s)
        if request.outcome != "skipped" and 0 <= index < len(cells):
            cells[index].append(request.latency_ms)
    return tuple(float(np.quantile(cell, quantile)) if cell else None for cell in cells)


def sampled(series: Sequence[Series], end_s: float, step_s: float) -> Values:
    """Put the sum of several series on the grid; None where none of them was sampled."""
    cells: list[float | None] = [None] * len(grid(end_s, step_s))
    for one in series:
        latest: dict[int, float] = {}
        for at_s, value in one.points:
            latest[int(at_s // step_s)] = value
        for index, value in latest.items():
            if 0 <= index < len(cells) and math.isfinite(value):
                cells[index] = (cells[index] or 0.0) + value
    return tuple(cells)


def grown(series: Sequence[Series], end_s: float, step_s: float) -> Values:
    """Put on the grid by how much counters have grown since 0 s, together; None where nobody looked.

    A counter that fell has begun anew with its process, at 0.
    """
    cells: list[float | None] = [None] * len(grid(end_s, step_s))
    for one in series:
        total, latest = 0.0, dict[int, float]()
        for (before_s, before), (at_s, after) in pairwise(one.points):
            if math.isfinite(after) and before_s >= -step_s:
                total += after - before if after >= before else after
                latest[int(at_s // step_s)] = total
        for index, value in latest.items():
            if 0 <= index < len(cells):
                cells[index] = (cells[index] or 0.0) + value
    return tuple(cells)


def worst_lags_ms(gauge: Series, lags: Series | None, end_s: float, step_s: float) -> Values:
    """Put an event loop's worst lag on the grid, in milliseconds.

    A process whose loop is blocked answers no look. Those cells get what its histogram told at the first look after:
    the upper bound of the highest bucket that had grown meanwhile.
    """
    cells = list(sampled([gauge], end_s, step_s))
    for (before_s, _), (after_s, _) in pairwise(gauge.points):
        if after_s - before_s <= SILENT_S:
            continue
        told = next((value for at_s, value in (lags.points if lags else ()) if at_s >= after_s), math.inf)
        for index in range(max(0, int(before_s // step_s) + 1), min(len(cells), int(after_s // step_s))):
            if math.isfinite(told):
                cells[index] = told
    return tuple(None if value is None else value * 1000 for value in cells)


def probed_ms(probes: Iterable[Probe], end_s: float, step_s: float) -> Values:
    """Put probes on the grid, the slowest of each cell; None where no probe came through."""
    cells: list[float | None] = [None] * len(grid(end_s, step_s))
    for probe in probes:
        index = int(probe.t_s // step_s)
        if probe.ms is not None and 0 <= index < len(cells):
            cells[index] = max(probe.ms, cells[index] or 0.0)
    return tuple(cells)


def states(series: Series, end_s: float) -> tuple[tuple[float, float, int], ...]:
    """Join the samples of a state into spans (from_s, to_s, state) that cover the sampled time up to `end_s`."""
    spans: list[tuple[float, float, int]] = []
    inside = [(at_s, int(value)) for at_s, value in series.points if 0 <= at_s <= end_s and math.isfinite(value)]
    for at_s, state in inside:
        if spans and spans[-1][2] == state:
            spans[-1] = (spans[-1][0], at_s, state)
        else:
            if spans:
                spans[-1] = (spans[-1][0], at_s, spans[-1][2])
            spans.append((at_s, at_s, state))
    if spans:
        spans[-1] = (spans[-1][0], end_s, spans[-1][2])
    return tuple(spans)


def _rates(times_s: Sequence[float], end_s: float) -> Values:
    cells = grid(end_s, 1)
    counts, _ = np.histogram(times_s, bins=np.arange(len(cells) + 1))
    # The last cell may be shorter than a second; a rate must not fall because the run ended.
    widths = [min(1.0, end_s - start) or 1.0 for start in cells]
    return tuple(float(count) / width for count, width in zip(counts.tolist(), widths, strict=True))
