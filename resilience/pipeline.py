"""The order of the policies, stated once, outermost first, and enforced.

    fallback( deadline( rate_limiter( bulkhead( retry( hedge( breaker( throttle( timeout( call )))))))))

timeout innermost: a hanging dependency must count as failing, for everything around it. breaker around throttle: a call
held back by the throttle says nothing of the dependency. hedge around breaker: both calls of a hedge count, and neither
goes into an open breaker. retry around those: each attempt counts, and a retry into an open breaker is refused at once.
bulkhead (or concurrency_limit) around retry: a call keeps its slot while it waits to try again, so retries cannot push
past the limit. rate_limiter before that: what is refused needs no slot. deadline around all that waits. fallback
outside all: it answers for a refusal, too.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from resilience.clock import Clock
from resilience.errors import SettingsError
from resilience.events import CallEnded, Listener
from resilience.outcome import Failures, Outcome, judge

T = TypeVar("T")

# Names of classes, so that a pipeline of two policies need not load the other eight. Two in one place are one or the
# other.
ORDER = (
    ("Fallback",),
    ("Deadline",),
    ("RateLimiter",),
    ("Bulkhead", "ConcurrencyLimit"),
    ("Retry",),
    ("Hedge",),
    ("CircuitBreaker",),
    ("Throttle",),
    ("Timeout",),
)
PLACES = {name: place for place, names in enumerate(ORDER) for name in names}
# These may make a call more than once, and ask whether that is harmless.
REPEATING = ("Retry", "Hedge")


class Policy(Protocol):
    """An async driver of this package: its `call` awaits an operation, or another policy's call, under its rule."""

    @property
    def call(self) -> Callable[..., Awaitable[Any]]:
        """Return the method that guards a call."""
        ...


class Pipeline:
    """The policies around every call over one link; an absent policy costs nothing.

    `policies` are given outermost first, in the order of the module's docstring; raises SettingsError on any other.
    `failures` has no default: it says which exceptions count against the dependency. `listener` hears how calls end,
    and after how long by `clock`.
    """

    def __init__(
        self, link: str, policies: Sequence[Policy], *, failures: Failures, clock: Clock, listener: Listener
    ) -> None:
        names = [type(policy).__name__ for policy in policies]
        _check_order(names)
        self.link = link
        self.policies = tuple(policies)
        self._failures = failures
        self._clock = clock
        self._listener = listener
        self._fallback = policies[0] if names[:1] == ["Fallback"] else None
        # (call, whether it asks if the call may be repeated), innermost first
        self._steps: tuple[tuple[Callable[..., Awaitable[Any]], bool], ...] = tuple(
            (policy.call, type(policy).__name__ in REPEATING)
            for policy in reversed(policies)
            if policy is not self._fallback
        )

    async def call(
        self,
        operation: Callable[[], Awaitable[T]],
        *,
        idempotent: bool,
        fallback: Callable[[Exception], Awaitable[T]] | None = None,
    ) -> T:
        """Await `operation()` under every policy of the link.

        `operation` is called once an attempt. `idempotent` says whether it may be made twice. `fallback` is used only
        where the pipeline has that policy. Raises what the operation raises; Rejected where a policy refused to try;
        AttemptTimeout where an attempt took too long.
        """
        for step, repeats in self._steps:
            operation = partial(step, operation, idempotent=idempotent) if repeats else partial(step, operation)
        if self._fallback is not None and fallback is not None:
            answer: T = await self._fallback.call(partial(self._counted, operation), fallback)
            return answer
        return await self._counted(operation)

    async def _counted(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Tell how the call ended; a fallback does not make a failed call a success."""
        outcome = Outcome.ABANDONED
        began_s = self._clock.now()
        try:
            result = await operation()
            outcome = Outcome.SUCCESS
        except Exception as error:
            outcome = judge(error, self._failures)
            raise
        finally:
            self._listener(CallEnded(self.link, outcome, self._clock.now() - began_s))
        return result


def _check_order(names: Sequence[str]) -> None:
    """Refuse what is no policy, stands twice or stands outside what must be around it; raises SettingsError."""
    order = " > ".join(" or ".join(alternatives) for alternatives in ORDER)
    for name in names:
        if name not in PLACES:
            raise SettingsError(f"Pipeline.policies: {name} is none of {order}")
    for outer, inner in pairwise(names):
        if PLACES[outer] >= PLACES[inner]:
            raise SettingsError(
                f"Pipeline.policies has {outer} outside {inner}; the order, outermost first, is {order}"
            )
