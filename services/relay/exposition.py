"""From a pushed page of Prometheus' text format to families whose samples carry the label `source`.

prometheus_client's parser takes 12 ms for 60 kB, and such a page comes every second with the same series and other
values. So the parser reads a page's *shape*, the page with every value set to 0, and a shape that it has read before is
only filled in again (0.5 ms).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from services.relay.core import MAX_SOURCES, Family

LABEL = "source"
_KINDS = {"unknown": "untyped", **{kind: kind for kind in ("counter", "gauge", "histogram", "summary")}}
_VALUE = re.compile(r"[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|Inf|NaN)")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})


class BadPageError(ValueError):
    """A page that is not Prometheus' text format, or that Prometheus would refuse; the message says where."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """A family without values: `heads` are its samples up to the value, `places` their numbers on the page."""

    name: str
    kind: str
    help: str
    heads: tuple[str, ...]
    places: tuple[int, ...]


def read(page: str, source: str) -> list[Family]:
    """Return the families of a page; raises BadPageError. Timestamps are refused: what is pushed is of now."""
    shape, values = [], []
    for number, line in enumerate(page.split("\n"), start=1):
        if not line or line[0] == "#":
            shape.append(line)
            continue
        head, _, value = line.rstrip().rpartition(" ")
        if not _VALUE.fullmatch(value):
            raise BadPageError(f"line {number}: {value[:40]!r} is no value")
        shape.append(f"{head} 0")
        values.append(value)
    return [
        Family(
            one.name,
            one.kind,
            one.help,
            "".join(f"{head}{values[place]}\n" for head, place in zip(one.heads, one.places, strict=True)),
        )
        for one in _shapes("\n".join(shape), source)
    ]


# Two for each source: a new series makes a new shape.
@lru_cache(maxsize=2 * MAX_SOURCES)
def _shapes(page: str, source: str) -> tuple[_Shape, ...]:
    """Return the families of a page whose values are all 0."""
    found: dict[str, _Shape] = {}
    place = 0
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for metric in _parsed(page):
        if not metric.samples:
            continue
        kind = _KINDS.get(metric.type)
        # The parser cuts the suffix off, as OpenMetrics does.
        name = f"{metric.name}_total" if kind == "counter" else metric.name
        if kind is None:
            raise BadPageError(f"{name}: the text format has no type {metric.type}")
        heads = tuple(_head(sample, source) for sample in metric.samples)
        places = tuple(range(place, place + len(heads)))
        place += len(heads)
        for sample in metric.samples:
            series = (sample.name, frozenset(sample.labels.items()))
            if series in seen:
                raise BadPageError(f"{name}: one series stands there twice")
            seen.add(series)
        # Samples without a TYPE come one by one.
        before = found.get(name)
        if before is not None and (kind != "untyped" or before.kind != kind):
            raise BadPageError(f"{name} stands there twice")
        if before is not None:
            heads, places = before.heads + heads, before.places + places
        found[name] = _Shape(name, kind, metric.documentation.translate(_HELP_ESCAPES), heads, places)
    return tuple(found.values())


def _parsed(page: str) -> Iterator[Metric]:
    try:
        yield from text_string_to_metric_families(page)
    except (ValueError, IndexError) as exc:
        raise BadPageError(str(exc) or "it is not Prometheus' text format") from exc


def _head(sample: Sample, source: str) -> str:
    """Return a sample as it is exposed, up to its value."""
    if sample.timestamp is not None:
        raise BadPageError(f"{sample.name} has a timestamp")
    if LABEL in sample.labels:
        raise BadPageError(f"{sample.name}: the label {LABEL} is the relay's own")
    labels = {**sample.labels, LABEL: source}
    # The parser takes quoted names of any characters, Prometheus does only from 3.0 on.
    for name in (sample.name, *labels):
        if not _NAME.fullmatch(name):
            raise BadPageError(f"{name!r} is no name of a metric or label")
    pairs = ",".join(f'{key}="{value.translate(_ESCAPES)}"' for key, value in labels.items())
    return f"{sample.name}{{{pairs}}} "
