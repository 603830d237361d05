"""The counts as Prometheus' text. By hand, for Locust's official image has no client library of Prometheus.

Everything that stays the same between two pushes is kept, for this runs between two requests.
"""

import itertools
from collections.abc import Iterator, Mapping
from functools import cache
from operator import attrgetter

from loadtests.counts import Counts, Line
from loadtests.metrics import (
    LATENCY_BUCKETS_S,
    LOAD_IN_FLIGHT,
    LOAD_IN_TIME_TOTAL,
    LOAD_LATE_TOTAL,
    LOAD_LATENCY,
    LOAD_OFFERED_TOTAL,
    LOAD_REQUESTS_TOTAL,
    LOAD_SENT_TOTAL,
    LOAD_SKIPPED_TOTAL,
    LOAD_USERS,
    METRICS,
)

_HEADS = {metric.name: f"# HELP {metric.name} {metric.text}\n# TYPE {metric.name} {metric.kind}" for metric in METRICS}
# As the services' own client library writes them.
_BOUNDS = (*(repr(bound) for bound in LATENCY_BUCKETS_S), "+Inf")
_OF_A_LINE = {
    LOAD_OFFERED_TOTAL: attrgetter("offered"),
    LOAD_SENT_TOTAL: attrgetter("sent"),
    LOAD_LATE_TOTAL: attrgetter("late"),
    LOAD_SKIPPED_TOTAL: attrgetter("skipped"),
    LOAD_IN_TIME_TOTAL: attrgetter("in_time"),
}


def exposition(counts: Counts, users: Mapping[str, int]) -> str:
    """Return all metrics of a generator; `users` are Locust's running users by class."""
    return "\n".join(_rows(counts, users)) + "\n"


def _rows(counts: Counts, users: Mapping[str, int]) -> Iterator[str]:
    lines = list(counts.lines.items())
    for name, number_of in _OF_A_LINE.items():
        yield _HEADS[name]
        for key, line in lines:
            yield f"{name}{{{_labels(*key)}}} {number_of(line)}"
    yield _HEADS[LOAD_REQUESTS_TOTAL]
    for key, line in lines:
        for outcome, number in line.outcomes.items():
            yield f'{LOAD_REQUESTS_TOTAL}{{{_labels(*key)},outcome="{outcome}"}} {number}'
    yield _HEADS[LOAD_LATENCY]
    for key, line in lines:
        yield from _histogram(key, line)
    yield _HEADS[LOAD_IN_FLIGHT]
    for arm, number in counts.in_flight.items():
        yield f'{LOAD_IN_FLIGHT}{{arm="{_escaped(arm)}"}} {number}'
    if users:
        yield _HEADS[LOAD_USERS]
    for user, number in users.items():
        yield f'{LOAD_USERS}{{user="{_escaped(user)}"}} {number}'


def _histogram(key: tuple[str, str], line: Line) -> Iterator[str]:
    up_to = list(itertools.accumulate(line.buckets))
    for start, number in zip(_bucket_starts(*key), up_to, strict=True):
        yield f"{start}{number}"
    yield f"{LOAD_LATENCY}_sum{{{_labels(*key)}}} {line.seconds!r}"
    yield f"{LOAD_LATENCY}_count{{{_labels(*key)}}} {up_to[-1]}"


@cache
def _bucket_starts(arm: str, kind: str) -> tuple[str, ...]:
    return tuple(f'{LOAD_LATENCY}_bucket{{{_labels(arm, kind)},le="{bound}"}} ' for bound in _BOUNDS)


@cache
def _labels(arm: str, kind: str) -> str:
    return f'arm="{_escaped(arm)}",kind="{_escaped(kind)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
