"""A call ends in one of four ways, and every policy must agree on which.

Most wrong breakers are wrong here: they take a caller who hung up for a failure of the dependency, or for a success.
"""

from collections.abc import Callable
from enum import StrEnum

from resilience.errors import AttemptTimeout, Rejected

# Says whether an exception is a failure of the dependency. A dependency that answers "declined" or "not found" works.
Failures = Callable[[BaseException], bool]


class Outcome(StrEnum):
    """How a call ended, as seen by whoever watches the dependency."""

    SUCCESS = "success"  # it answered, be it with an error of the caller's making
    FAILURE = "failure"  # it did not answer, or not in time, or not as promised
    REJECTED = "rejected"  # a policy refused to try: no evidence about the dependency
    ABANDONED = "abandoned"  # the caller was cancelled: no evidence either


def judge(error: BaseException, failures: Failures) -> Outcome:
    """Return how a call ended that raised `error`.

    An AttemptTimeout always counts against the dependency, a Rejected never does, whatever `failures` says. What is no
    Exception (a cancellation, an interrupt, a closed coroutine) is the caller's going away.
    """
    if not isinstance(error, Exception):
        return Outcome.ABANDONED
    if isinstance(error, Rejected):
        return Outcome.REJECTED
    if isinstance(error, AttemptTimeout) or failures(error):
        return Outcome.FAILURE
    return Outcome.SUCCESS
