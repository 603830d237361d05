"""What can go wrong with a dependency, in words that `core` may know: no driver's exception leaves its adapter.

    DependencyError
    +-- DependencyDownError      nobody there, or a database that fails                    -> 503 + Retry-After
    +-- DependencyTimeoutError   no answer in time; the call may have taken effect         -> 504
    +-- DependencyBrokenError    an answer that cannot be used, or a connection that broke -> 502
    +-- DependencyRefusedError   a deliberate "not now", with when to come back            -> 503 + Retry-After

Policies refuse with `resilience.Rejected`, and cut with `resilience.AttemptTimeout`; problems.py maps them all.
"""


class DependencyError(Exception):
    """A dependency did not do its part. `dependency` names it as a customer of this service would understand it."""

    def __init__(self, dependency: str, detail: str) -> None:
        super().__init__(f"{dependency}: {detail}")
        self.dependency = dependency


class DependencyDownError(DependencyError):
    """The dependency cannot be reached, or is a database that does not answer in time."""


class DependencyTimeoutError(DependencyError):
    """The dependency did not answer in time; nobody knows whether the call took effect."""


class DependencyBrokenError(DependencyError):
    """The dependency answered with an error or with nonsense, or the connection broke."""


class DependencyRefusedError(DependencyError):
    """The dependency said "not now". It is well enough to say so, therefore this never counts against it."""

    def __init__(self, dependency: str, retry_after_s: float) -> None:
        super().__init__(dependency, f"refused, try again in {retry_after_s:g} s")
        self.retry_after_s = retry_after_s


def counts_against(exc: BaseException) -> bool:
    """Return whether an outcome counts against the dependency: failures do, deliberate refusals do not."""
    return isinstance(exc, DependencyError) and not isinstance(exc, DependencyRefusedError)


def refuses(exc: BaseException) -> bool:
    """Return whether an outcome is the dependency's own "not now", which the adaptive throttle listens to."""
    return isinstance(exc, DependencyRefusedError)
