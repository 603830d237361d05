"""Sends open arrivals inside a test of Locust's: each at its instant, whatever has become of the ones before.

The counterpart of sender.py, which sends a run's schedule to all arms; here there is one arm, no file of rows, and an
end that may come at any time.
"""

import time
from collections.abc import Callable, Iterable

import gevent
from gevent.pool import Group

from loadtests.asking import Asked, ask
from loadtests.counts import Counts
from loadtests.exchange import Connections
from loadtests.messages import arrival_request
from loadtests.options import Settings
from loadtests.schedule import Arrival

# With the request, what became of it.
Report = Callable[[Arrival, Asked], None]
END_SLACK_S = 2.0


class OpenSender:
    """One schedule's sender. What is beyond `max_in_flight` is skipped and counted, never put off."""

    def __init__(
        self,
        connections: Connections,
        *,
        host: str,
        arm: str,
        settings: Settings,
        counts: Counts,
        report: Report,
    ) -> None:
        self._connections, self._host, self._arm = connections, host, arm
        self._settings, self._counts, self._report = settings, counts, report
        self._group = Group()

    def run(self, arrivals: Iterable[Arrival]) -> None:
        """Send every arrival at its instant from now on, and wait for the last answers; killing it drops them."""
        start = time.perf_counter()
        try:
            for arrival in arrivals:
                due = start + arrival.intended_s
                while (wait_s := due - time.perf_counter()) > 0:
                    gevent.sleep(wait_s)
                self._dispatch(arrival, due)
            _wait_until(start + self._settings.duration_s)
            self._group.join(timeout=self._settings.patience_s + END_SLACK_S)
        finally:
            self._group.kill()
            self._connections.close()

    def _dispatch(self, arrival: Arrival, due: float) -> None:
        self._counts.offer(self._arm, arrival.kind)
        if len(self._group) >= self._settings.max_in_flight:
            self._counts.skip(self._arm, arrival.kind)
            return
        self._group.spawn(self._serve, arrival, due)

    def _serve(self, arrival: Arrival, due: float) -> None:
        request = arrival_request(arrival, self._arm, self._host)
        lag_s = time.perf_counter() - due
        self._counts.send(self._arm, arrival.kind, lag_s)
        asked = None
        try:
            patience_s = self._settings.patience_s
            asked = ask(self._connections, request, due, lag_s=lag_s, patience_s=patience_s, now=time.perf_counter)
        finally:
            if asked is None:
                self._counts.drop(self._arm)
        self._counts.end(self._arm, arrival.kind, asked.outcome, asked.latency_s)
        self._report(arrival, asked)


def _wait_until(instant: float) -> None:
    gevent.sleep(max(0.0, instant - time.perf_counter()))
