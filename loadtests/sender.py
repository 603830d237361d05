"""Sends the schedule: each arrival to every arm at its instant, whatever has become of the ones before.

Open arrivals: nobody waits for an earlier answer, latency counts from the intended instant, and what cannot be sent
because too much is in flight is counted, not put off.
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import gevent
from gevent.pool import Group

from loadtests.asking import ask
from loadtests.counts import Counts
from loadtests.exchange import BROKEN, Connections, exchange, resolve
from loadtests.messages import arrival_request, health_request, row_of
from loadtests.plan import Plan
from loadtests.rows import FLUSH_S, Row, Rows
from loadtests.schedule import Arrival, schedule, sending_orders

WARM_CONNECTIONS = 8
WARM_UP_S = 5.0
# Every request ends by its own bound; this much later something is wrong with the generator itself.
END_SLACK_S = 2.0

Report = Callable[[Row, int], None]


class WarmUpFailed(Exception):
    """A gateway does not answer before the run has begun; the message names arm and URL."""


@dataclass(slots=True)
class Lane:
    """One arm's way: its gateway, its connections, and how much is under way there."""

    arm: str
    host: str
    connections: Connections
    in_flight: int = 0


class Sender:
    """Sends one plan.

    `report` is called with every finished row and its answer's size; `now` is monotonic seconds; `counts` are for who
    watches while it sends.
    """

    def __init__(self, plan: Plan, rows: Rows, report: Report, now: Callable[[], float]) -> None:
        """Draw the schedule and resolve the gateways; raises WarmUpFailed."""
        self._plan = plan
        self._rows = rows
        self._report = report
        self._now = now
        self._group = Group()
        self._defect: Exception | None = None
        self.arrivals = schedule(
            plan.seed,
            plan.checkout_per_s,
            plan.browse_per_s,
            plan.repeat_share,
            plan.duration_s,
            list_per_s=plan.list_per_s,
            product_per_s=plan.product_per_s,
            search_per_s=plan.search_per_s,
            run=plan.run,
        )
        self._orders = tuple(sending_orders(plan.seed, tuple(plan.arms), len(self.arrivals)))
        self._lanes = {arm: _lane(arm, url, now) for arm, url in plan.arms.items()}
        kinds = dict.fromkeys(arrival.kind for arrival in self.arrivals)
        self.counts = Counts(plan.arms, kinds, plan.in_time_s)

    def warm_up(self) -> None:
        """Open a few connections to each gateway and see it answer; raises WarmUpFailed."""
        for lane in self._lanes.values():
            greetings = [gevent.spawn(_greet, lane) for _ in range(WARM_CONNECTIONS)]
            gevent.joinall(greetings, timeout=WARM_UP_S)
            # The value of a greeting that has not ended is None.
            complaints = [greeting.value for greeting in greetings if greeting.value != ""]
            gevent.killall(greetings)
            if complaints:
                why = complaints[0] or f"no answer within {WARM_UP_S:g} s"
                raise WarmUpFailed(f"arm {lane.arm}: {self._plan.arms[lane.arm]}/healthz: {why}")

    def run(self, start: float) -> None:
        """Send every arrival at `start` plus its instant, and wait for the last answers.

        Raises OSError where the rows cannot be written, and whatever a request met that a service cannot have caused.
        """
        try:
            for arrival, order in zip(self.arrivals, self._orders, strict=True):
                due = start + arrival.intended_s
                self._wait_until(due)
                for arm in order:
                    self._dispatch(arrival, self._lanes[arm], due)
            self._wait_until(start + self._plan.duration_s)
            end = self._now() + self._plan.patience_s + END_SLACK_S
            while self._group and self._now() < end:
                self._pause(FLUSH_S)
        finally:
            self._group.kill()
            for lane in self._lanes.values():
                lane.connections.close()

    def _wait_until(self, due: float) -> None:
        while (wait_s := due - self._now()) > 0:
            self._pause(min(wait_s, FLUSH_S))

    def _pause(self, wait_s: float) -> None:
        self._rows.flush_when_due()
        gevent.sleep(wait_s)
        if self._defect is not None:
            raise self._defect

    def _dispatch(self, arrival: Arrival, lane: Lane, due: float) -> None:
        self.counts.offer(lane.arm, arrival.kind)
        if lane.in_flight >= self._plan.max_in_flight:
            lag_s = self._now() - due
            self.counts.skip(lane.arm, arrival.kind)
            self._rows.add(row_of(arrival, lane.arm, None, outcome="skipped", lag_s=lag_s, latency_s=0.0))
            return
        lane.in_flight += 1
        self._group.spawn(self._serve, arrival, lane, due)

    def _serve(self, arrival: Arrival, lane: Lane, due: float) -> None:
        """Carry one arrival through one arm; a defect of our own ends the run instead of passing for a failure."""
        try:
            self._ask(arrival, lane, due)
        except Exception as error:  # noqa: BLE001  `run` raises it
            self._defect = error
        finally:
            lane.in_flight -= 1

    def _ask(self, arrival: Arrival, lane: Lane, due: float) -> None:
        request = arrival_request(arrival, lane.arm, lane.host)
        lag_s = self._now() - due
        self.counts.send(lane.arm, arrival.kind, lag_s)
        patience_s = self._plan.patience_s
        asked = ask(lane.connections, request, due, lag_s=lag_s, patience_s=patience_s, now=self._now)
        outcome, latency_s, answer = asked
        self.counts.end(lane.arm, arrival.kind, outcome, latency_s)
        row = row_of(arrival, lane.arm, answer, outcome=outcome, lag_s=lag_s, latency_s=latency_s)
        self._rows.add(row)
        self._report(row, len(answer.body) if answer else 0)


def _lane(arm: str, url: str, now: Callable[[], float]) -> Lane:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 0
    try:
        address = resolve(host, port)
    except OSError as error:
        raise WarmUpFailed(f"arm {arm}: {url}: {error.strerror or error}") from error
    return Lane(arm, f"{host}:{port}", Connections(address, now))


def _greet(lane: Lane) -> str:
    """Return what is wrong with a gateway's answer, or an empty string."""
    try:
        status = exchange(lane.connections, health_request(lane.host)).status
    except BROKEN as error:
        return str(error) or type(error).__name__
    return "" if status == 200 else f"status {status}"  # noqa: PLR2004  HTTP's own number
