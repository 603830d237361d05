"""What two settings of a profile can contradict, a rule each: it yields the sum that shows it, or nothing."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from resilience.call_tree import CallTree
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


def _too_tight(link: str, links: Links, tree: CallTree) -> Iterator[Finding]:
    """Yield limits that a call meets when nothing is wrong: it would be cut, refused or counted against its callee."""
    settings, usual_s, per_s = links[link], tree.usual_s[link], tree.per_s[link]
    usually = f"a call usually takes {usual_s:g} s"
    attempt_s = settings.attempt_timeout_s
    if attempt_s is not None and attempt_s <= usual_s:
        yield Finding(link, f"an attempt ends after {attempt_s:g} s, but {usually}")
    if settings.deadline and attempt_s is not None and settings.deadline.margin_s >= attempt_s:
        yield Finding(
            link,
            f"a call is not begun with less than {settings.deadline.margin_s:g} s left, "
            f"but an attempt has {attempt_s:g} s",
        )
    slow_s = settings.breaker.window.slow_s if settings.breaker else None
    if slow_s is not None and slow_s <= usual_s:
        yield Finding(link, f"the breaker calls {slow_s:g} s slow, but {usually}")
    at_once = per_s * usual_s
    if settings.bulkhead and settings.bulkhead.max_concurrent < at_once:
        yield Finding(
            link,
            f"the bulkhead lets {settings.bulkhead.max_concurrent} in, but {per_s:g} calls/s x {usual_s:g} s "
            f"= {at_once:.3g} are in flight at once",
        )
    if settings.rate_limit and settings.rate_limit.rate_per_s < per_s:
        yield Finding(link, f"{settings.rate_limit.rate_per_s:g} calls/s are allowed, but {per_s:g} come")


RULES: tuple[Callable[[str, Links, CallTree], Iterator[Finding]], ...] = (
    _outlives,
    _multiplies,
    _queue,
    _pool,
    _never_opens,
    _driver,
    _too_tight,
)
