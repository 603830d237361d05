"""Contradictions in a profile, found before they are found under load, each with its arithmetic.

A setting can be right alone and wrong beside another: a timeout inside that is longer than the one outside, a queue
that nobody can be served from in time, pools that together ask for more than the server has. A rule says nothing about
what is left to a library's default: `naive` has no findings, for it promises nothing.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from resilience.call_tree import SHOP, CallTree
from resilience.errors import SettingsError
from resilience.link import LinkSettings
from resilience.windows import TimeWindow

Links = Mapping[str, LinkSettings]

# Layers of retries multiply; without a budget that is the load of a bad day.
MOST_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """Two settings that cannot both hold: where, and the sum that shows it."""

    link: str
    arithmetic: str

    def __str__(self) -> str:
        return f"{self.link}: {self.arithmetic}"


def check(links: Links, tree: CallTree = SHOP) -> list[Finding]:
    """Return every contradiction in the settings of a profile's links, by rule and link."""
    return [finding for rule in RULES for link in links for finding in rule(link, links, tree)]


def refuse_contradictions(profile: str, links: Links, tree: CallTree = SHOP) -> None:
    """Raise SettingsError with every finding of `check`, one a line; return where there is none."""
    if findings := check(links, tree):
        raise SettingsError("\n".join([f"profile {profile!r} contradicts itself:", *map(str, findings)]))


def _outlives(link: str, links: Links, tree: CallTree) -> Iterator[Finding]:
    """Yield each inner call whose worst case, the others as usual, is longer than the caller waits."""
    patience_s = links[link].attempt_timeout_s
    inner = tree.calls.get(link, ())
    for slow in dict.fromkeys(inner):
        if patience_s is None:
            return
        worst_s = links[slow].worst_case_s
        if worst_s is None:
            yield Finding(link, f"gives up after {patience_s:g} s, but nothing bounds {slow} below it")
            continue
        times = inner.count(slow)
        others_s = sum(tree.usual_s[other] for other in inner if other != slow)
        total_s = times * worst_s + others_s
        if total_s > patience_s:
            yield Finding(
                link,
                f"gives up after {patience_s:g} s, but {slow} may take {_sum_of(links[slow])} = {worst_s:g} s "
                f"x {times} + {others_s:g} s for the rest = {total_s:.3g} s",
            )


def _sum_of(settings: LinkSettings) -> str:
    """Return how a worst case comes about, in words of the settings."""
    attempts = settings.retry.max_attempts if settings.retry else 1
    parts = [f"{attempts} x {settings.attempt_timeout_s:g} s"]
    if settings.retry:
        parts.append(f"{attempts - 1} x {settings.retry.max_wait_s:g} s of waits")
        if settings.retry.start_within_s is not None:
            parts.append(f"no attempt begun after {settings.retry.start_within_s:g} s")
    if settings.bulkhead:
        parts.append(f"{settings.bulkhead.max_wait_s:g} s of queue")
    return "(" + ", ".join(parts) + ")"


def _multiplies(link: str, links: Links, tree: CallTree) -> Iterator[Finding]:
    """Yield the paths from the edge on which one call may become more than MOST_ATTEMPTS."""

    def paths(from_: str) -> Iterator[tuple[str, ...]]:
        below = dict.fromkeys(tree.calls.get(from_, ()))
        yield from ((from_, *path) for inner in below for path in paths(inner))
        if not below:
            yield (from_,)

    if tree.callers_of(link):
        return
    for path in paths(link):
        attempts = [retry.max_attempts if (retry := links[name].retry) else 1 for name in path]
        if (most := math.prod(attempts)) > MOST_ATTEMPTS:
            yield Finding(
                link,
                f"one call may become {' x '.join(map(str, attempts))} = {most} at {path[-1]}, "
                f"more than {MOST_ATTEMPTS}: retry on one layer, next to what fails",
            )


def _queue(link: str, links: Links, tree: CallTree) -> Iterator[Finding]:
    """Yield a bulkhead's queue whose last place is not reached within the wait."""
    bulkhead = links[link].bulkhead
    if bulkhead is None or not bulkhead.max_waiting:
        return
    served_per_s = bulkhead.max_concurrent / tree.usual_s[link]
    if bulkhead.max_waiting > served_per_s * bulkhead.max_wait_s:
        yield Finding(
            link,
            f"{bulkhead.max_waiting} may wait, but {bulkhead.max_concurrent} slots / {tree.usual_s[link]:g} s = "
            f"{served_per_s:.3g} calls/s x {bulkhead.max_wait_s:g} s serve only "
            f"{served_per_s * bulkhead.max_wait_s:.3g} of them in time",
        )


def _pool(link: str, links: Links, tree: CallTree) -> Iterator[Finding]:
    """Yield a bulkhead that lets in more than the pool holds, and pools that ask for more than the server has."""
    if link not in tree.pools:
        return
    size = _pool_size(link, links, tree)
    bulkhead = links[link].bulkhead
    if bulkhead and bulkhead.max_concurrent > size:
        yield Finding(
            link, f"the bulkhead lets {bulkhead.max_concurrent} in, the pool holds {size}: the rest queues unseen"
        )
    if link == next(iter(tree.pools)):
        sizes = [_pool_size(other, links, tree) for other in tree.pools]
        if (asked := sum(sizes) * tree.copies) > tree.server_connections:
            yield Finding(
                link,
                f"pools of {' + '.join(map(str, sizes))} = {sum(sizes)} connections x {tree.copies} copies of the shop "
                f"= {asked}, but the server allows {tree.server_connections}",
            )


def _pool_size(link: str, links: Links, tree: CallTree) -> int:
    return links[link].pool_size or tree.pools[link]


def _never_opens(link: str, links: Links, tree: CallTree) -> Iterator[Finding]:
    """Yield a breaker whose window never sees its minimum of calls."""
    breaker = links[link].breaker
    if breaker is None or not isinstance(window := breaker.window, TimeWindow):
        return
    seen = tree.per_s[link] * window.window_s
    if seen < window.min_calls:
        yield Finding(
            link,
            f"the breaker wants {window.min_calls} calls, but {tree.per_s[link]:g} calls/s x {window.window_s:g} s "
            f"= {seen:.3g}: it never opens",
        )


def _driver(link: str, links: Links, _tree: CallTree) -> Iterator[Finding]:
    """Yield a client library that is more patient than the attempt around it, repeats of its own included."""
    settings = links[link]
    if settings.attempt_timeout_s is None or settings.command_timeout_s is None:
        return
    tries = 1 + (settings.library_retries or 0)
    if (total_s := tries * settings.command_timeout_s) > settings.attempt_timeout_s:
        yield Finding(
            link,
            f"the client tries {tries} x {settings.command_timeout_s:g} s = {total_s:.3g} s, "
            f"but an attempt ends after {settings.attempt_timeout_s:g} s",
        )


RULES: tuple[Callable[[str, Links, CallTree], Iterator[Finding]], ...] = (
    _outlives,
    _multiplies,
    _queue,
    _pool,
    _never_opens,
    _driver,
)
