"""Every error that a policy raises, in one tree.

    ResilienceError
    +-- Rejected              a policy refused to try: the dependency saw nothing of this call
    |   +-- BreakerOpen       the dependency failed too often just now
    |   +-- BulkheadFull      too many calls are in flight already
    +-- AttemptTimeout        an attempt ran out of its time (a TimeoutError, too)
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


class AttemptTimeout(ResilienceError, TimeoutError):
    """One attempt took longer than `timeout_s`; whether the dependency did the work is not known."""

    def __init__(self, link: str, *, timeout_s: float) -> None:
        super().__init__(f"{link}: no answer within {timeout_s:g} s")
        self.link = link
        self.timeout_s = timeout_s


class SettingsError(ResilienceError, ValueError):
    """A setting is outside its bounds, or two of them contradict each other."""
