"""The newest page of metrics of each source, and all of them as one page.

For processes that Prometheus cannot reach: a run and its load generator live for a minute, on any port or on the other
side of a container's wall. They push, and here is where Prometheus scrapes. A source that goes silent disappears: its
last figures would otherwise look like a system that stands still.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from resilience import Clock

EXPIRY_S = 5.0
MAX_SOURCES = 16


class TooManySources(Exception):
    """A new source came where the most are there already."""


class KindConflict(Exception):
    """Two sources give one name to metrics of two kinds; on one page they could not both stand."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric of one source. `kind` and `help` as in its text; `text` are its samples, a line each."""

    name: str
    kind: str
    help: str
    text: str


@dataclass(frozen=True, slots=True)
class _Source:
    families: Sequence[Family]
    pushed_s: float


class Sources:
    """The live sources by name."""

    def __init__(self, clock: Clock, *, expiry_s: float = EXPIRY_S, limit: int = MAX_SOURCES) -> None:
        self._clock = clock
        self._expiry_s = expiry_s
        self._limit = limit
        self._sources: dict[str, _Source] = {}

    def put(self, name: str, families: Sequence[Family]) -> None:
        """Take a source's page in place of its last; raises TooManySources, KindConflict."""
        self._expire()
        if name not in self._sources and len(self._sources) >= self._limit:
            raise TooManySources(f"{self._limit} sources are there already: {', '.join(sorted(self._sources))}")
        kinds = {
            family.name: (family.kind, other)
            for other, source in self._sources.items()
            for family in source.families
            if other != name
        }
        for family in families:
            kind, other = kinds.get(family.name, (family.kind, name))
            if kind != family.kind:
                raise KindConflict(f"{family.name} is a {family.kind} here and a {kind} of the source {other}")
        self._sources[name] = _Source(tuple(families), self._clock.now())

    def drop(self, name: str) -> None:
        """Forget a source; one that is not there is forgotten already."""
        self._sources.pop(name, None)

    def page(self) -> str:
        """Return all live sources' metrics in Prometheus' text format, each name once."""
        self._expire()
        merged: dict[str, list[Family]] = {}
        for source in self._sources.values():
            for family in source.families:
                merged.setdefault(family.name, []).append(family)
        return "".join(part for families in merged.values() for part in _block(families))

    def _expire(self) -> None:
        oldest_s = self._clock.now() - self._expiry_s
        self._sources = {name: source for name, source in self._sources.items() if source.pushed_s > oldest_s}


def _block(families: Sequence[Family]) -> Iterator[str]:
    first = families[0]
    yield f"# HELP {first.name} {first.help}\n# TYPE {first.name} {first.kind}\n"
    for family in families:
        yield family.text
