"""Clients on virtual time: what the async drivers of resilience/ do around a call, with the same policy objects.

The order is the pipeline's: retry(breaker(throttle(timeout(call)))). A call that a policy of its own holds back is not
tried again, as in the services: only what the dependency did with an attempt is worth another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from resilience.breaker_machine import BreakerMachine, BreakerSettings
from resilience.errors import AttemptTimeout
from resilience.outcome import Outcome
from resilience.retry import RetrySchedule, RetrySettings
from resilience.retry_allowance import RetryAllowance
from resilience.throttle import AdaptiveThrottle, ThrottleSettings
from tests.simulation.engine import Simulation

TIMED_OUT = AttemptTimeout("simulated", timeout_s=1.0)
SHED = ConnectionRefusedError("the server shed it")


@dataclass(frozen=True, slots=True)
class Guards:
    """What stands around a call; None leaves a policy out."""

    retry: RetrySettings | None = None
    allowance: Callable[[], RetryAllowance] | None = None
    breaker: BreakerSettings | None = None
    throttle: ThrottleSettings | None = None


class Call:
    """What a customer wants: done by the first attempt that is answered. `failed` is told where none is."""

    __slots__ = ("answered", "attempts", "began", "failed", "waited_s")

    def __init__(self, began: float, answered: Callable[[], None] | None, failed: Callable[[], None] | None) -> None:
        self.began = began
        self.attempts = 0
        self.waited_s = 0.0
        self.answered = answered
        self.failed = failed


class Attempt:
    """One message to the server. Once it is `over` for its client, the server's work on it is wasted."""

    __slots__ = ("began", "call", "client", "deadline_at", "generation", "over", "pending")

    def __init__(self, client: "Client", call: Call, began: float, generation: int, pending: int) -> None:
        self.client = client
        self.call = call
        self.began = began
        self.deadline_at = began + client.timeout_s
        self.generation = generation
        self.pending = pending
        self.over = False


class Server(Protocol):
    """What a client sends to. It tells `answered` or `shed` of the attempt's client, at once or later or never."""

    def take(self, attempt: Attempt) -> None:
        """Take an attempt in, or shed it."""
        ...


class Record:
    """What happened in each second: calls begun, attempts sent, calls answered in time."""

    def __init__(self, seconds: int) -> None:
        self.calls = [0] * (seconds + 1)
        self.attempts = [0] * (seconds + 1)
        self.answers = [0] * (seconds + 1)

    def goodput(self, start: int, end: int) -> float:
        """Return the calls answered in time a second, over the seconds from `start` to before `end`."""
        return sum(self.answers[start:end]) / (end - start)

    def amplification(self, start: int, end: int) -> float:
        """Return the attempts sent for each call begun, likewise."""
        return sum(self.attempts[start:end]) / sum(self.calls[start:end])


class Client:
    """All callers of one dependency: they share its breaker, throttle and allowance, as the calls of a process do."""

    def __init__(
        self, simulation: Simulation, server: Server, guards: Guards, *, timeout_s: float, record: Record
    ) -> None:
        self.timeout_s = timeout_s
        self.record = record
        self._simulation = simulation
        self._server = server
        now = simulation.now
        self._schedule = RetrySchedule(guards.retry, rng=simulation.rng) if guards.retry else None
        self._allowance = guards.allowance() if guards.allowance else None
        self._breaker = BreakerMachine(guards.breaker, now=now) if guards.breaker else None
        self._throttle = AdaptiveThrottle(guards.throttle, now=now) if guards.throttle else None

    def call(self, answered: Callable[[], None] | None = None, failed: Callable[[], None] | None = None) -> None:
        """Begin a call; one of the two is told how it ended."""
        now = self._simulation.now
        self.record.calls[int(now)] += 1
        if self._allowance is not None:
            self._allowance.called(now)
        self._attempt(Call(now, answered, failed))

    def answered(self, attempt: Attempt) -> None:
        """Take the server's answer; one that comes after the timeout is nobody's."""
        if attempt.over:
            return
        now = self._simulation.now
        self.record.answers[int(now)] += 1
        self._end(attempt, Outcome.SUCCESS)
        if self._throttle is not None:
            self._throttle.accepted(now)
        if self._allowance is not None:
            self._allowance.succeeded(now)
        if attempt.call.answered is not None:
            attempt.call.answered()

    def shed(self, attempt: Attempt) -> None:
        """Take the server's refusal."""
        self._failed(attempt, SHED)

    def _attempt(self, call: Call) -> None:
        now = self._simulation.now
        generation: int | None = 0
        if self._breaker is not None and (generation := self._breaker.admit(now)) is None:
            self._give_up(call)
            return
        assert generation is not None
        pending = 0
        if self._throttle is not None:
            if not self._throttle.admit(now, self._simulation.rng):
                if self._breaker is not None:
                    self._breaker.record(Outcome.REJECTED, now, generation, 0.0)
                self._give_up(call)
                return
            pending = self._throttle.sent()
        call.attempts += 1
        self.record.attempts[int(now)] += 1
        attempt = Attempt(self, call, now, generation, pending)
        self._server.take(attempt)
        if not attempt.over:
            self._simulation.at(attempt.deadline_at, self._failed, attempt, TIMED_OUT)

    def _failed(self, attempt: Attempt, error: Exception) -> None:
        """Try again, or give up; the timeout of an attempt that is over changes nothing."""
        if attempt.over:
            return
        self._end(attempt, Outcome.FAILURE)
        now, call, allowance = self._simulation.now, attempt.call, self._allowance
        if allowance is not None:
            allowance.failed(now)
        wait_s = None
        if self._schedule is not None:
            wait_s = self._schedule.wait_s(call.attempts, now - call.began, error, before_s=call.waited_s)
        if wait_s is None or (allowance is not None and not allowance.take(now)):
            self._give_up(call)
            return
        call.waited_s = wait_s
        self._simulation.after(wait_s, self._attempt, call)

    def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        attempt.over = True
        now = self._simulation.now
        if self._throttle is not None:
            self._throttle.settle(attempt.pending, counts=True)
        if self._breaker is not None:
            self._breaker.record(outcome, now, attempt.generation, now - attempt.began)

    def _give_up(self, call: Call) -> None:
        if call.failed is not None:
            call.failed()
