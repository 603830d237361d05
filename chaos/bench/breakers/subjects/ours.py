"""Our own breaker."""

from functools import partial

from chaos.bench.breakers.guard import FAILURES, Guard, Subject
from resilience.breaker import CircuitBreaker
from resilience.breaker_machine import BreakerSettings
from resilience.clock import Clock, SystemClock
from resilience.events import ignore
from resilience.windows import ConsecutiveFailures


async def build(open_s: float, clock: Clock) -> Guard:
    """Build it on `clock`, which a test replaces."""
    settings = BreakerSettings(window=ConsecutiveFailures(FAILURES), open_s=open_s, probes=1)
    breaker = CircuitBreaker("peer", settings, failures=_every, clock=clock, listener=ignore)
    return Guard(around=lambda operation: partial(breaker.call, operation), state=lambda: _spelled(breaker.state))


def _every(_: BaseException) -> bool:
    return True


def _spelled(state: str) -> str:
    return state.replace("_", "-")


SUBJECTS = [Subject(None, None, partial(build, clock=SystemClock()))]
