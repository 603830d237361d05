"""Every error that a policy raises, in one tree.

    ResilienceError
    +-- Rejected              a policy refused to try: the dependency saw nothing of this call
    |   +-- BreakerOpen       the dependency failed too often just now
    |   +-- BulkheadFull      too many calls are in flight already
    |   +-- DeadlineExceeded  too little time is left for the call to be of use
    |   +-- LimitReached      more calls are in flight than the adaptive limit allows
    |   +-- RateLimited       too many calls came in too short a time
    |   +-- Throttled         the dependency refuses so much that this call is spared it
    |   +-- InProgress        the first call under this idempotency key has not ended yet
    +-- AttemptTimeout        an attempt ran out of its time (a TimeoutError, too)
    +-- KeyReused             an idempotency key came back with another request
    +-- SettingsError         a setting makes no sense (a ValueError, too)

Refused and failed are different news: a refused call may safely be sent again later, whatever it does, because nobody
has begun it. What the guarded call itself raises passes through unchanged.
"""


class ResilienceError(Exception):
    """Base of everything a policy raises of its own."""


class Rejected(ResilienceError):
    """A policy refused to try.

    `policy` names it; `retry_after_s` is when another try makes sense, or None where the policy cannot know.
    """

    def __init__(self, link: str, why: str, *, policy: str, retry_after_s: float | None) -> None:
        super().__init__(f"{link}: {why}")
        self.link = link
        self.policy = policy
        self.retry_after_s = retry_after_s


class BreakerOpen(Rejected):
    """The circuit breaker is open, or half-open with every probe taken."""

    def __init__(self, link: str, *, retry_after_s: float) -> None:
        why = f"the circuit breaker is open, try again in {retry_after_s:.3g} s"
        super().__init__(link, why, policy="breaker", retry_after_s=retry_after_s)


class BulkheadFull(Rejected):
    """No slot was free and the queue was full, or the wait for a slot took too long.

    `retry_after_s` is None: a bulkhead does not know how long the calls in flight will take.
    """

    def __init__(self, link: str, why: str) -> None:
        super().__init__(link, why, policy="bulkhead", retry_after_s=None)


class DeadlineExceeded(Rejected):
    """The deadline has passed, or is nearer than the call could be of use; `left_s` is negative where it has passed.

    `retry_after_s` is None: only the caller knows whether it has more time another time.
    """

    def __init__(self, link: str, *, left_s: float, margin_s: float) -> None:
        why = f"{left_s * 1000:.0f} ms are left, at least {margin_s * 1000:g} ms are needed"
        super().__init__(link, why, policy="deadline", retry_after_s=None)
        self.left_s = left_s


class LimitReached(Rejected):
    """As many calls are in flight as the adaptive concurrency limit allows just now."""

    def __init__(self, link: str, *, limit: int) -> None:
        why = f"{limit} calls are in flight, the limit just now"
        super().__init__(link, why, policy="concurrency_limit", retry_after_s=None)
        self.limit = limit


class RateLimited(Rejected):
    """The token bucket is empty; in `retry_after_s` it holds what this call costs."""

    def __init__(self, link: str, *, retry_after_s: float) -> None:
        why = f"the rate limit is used up, try again in {retry_after_s:.3g} s"
        super().__init__(link, why, policy="rate_limiter", retry_after_s=retry_after_s)


class Throttled(Rejected):
    """The dependency refuses so many calls that this one was held back, by lot, with `probability`."""

    def __init__(self, link: str, *, probability: float) -> None:
        why = f"held back, as {probability:.0%} of the calls are: the dependency refuses too many"
        super().__init__(link, why, policy="throttle", retry_after_s=None)
        self.probability = probability


class InProgress(Rejected):
    """The first call under this key runs still, and was waited for long enough; it may end well yet."""

    def __init__(self, link: str, *, retry_after_s: float) -> None:
        why = f"a call under this key is in progress, ask again in {retry_after_s:.3g} s"
        super().__init__(link, why, policy="idempotency", retry_after_s=retry_after_s)


class AttemptTimeout(ResilienceError, TimeoutError):
    """One attempt took longer than `timeout_s`; whether the dependency did the work is not known."""

    def __init__(self, link: str, *, timeout_s: float) -> None:
        super().__init__(f"{link}: no answer within {timeout_s:g} s")
        self.link = link
        self.timeout_s = timeout_s


class KeyReused(ResilienceError):
    """An idempotency key came back with another request than its first; nothing was done, and a repeat is no use."""

    def __init__(self, link: str) -> None:
        super().__init__(f"{link}: this idempotency key belongs to another request")
        self.link = link


class SettingsError(ResilienceError, ValueError):
    """A setting is outside its bounds, or two of them contradict each other."""
