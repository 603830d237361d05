"""What Locust's users of this lab have in common: who they ask, and that each of their requests is counted.

Beside Locust's own statistics their figures go to the Load board, in the words of the run's generator: what was due,
sent, late, skipped, and how it ended.
"""

import time
from typing import Any

import gevent
from locust import FastHttpUser, User
from locust.exception import StopTest

from loadtests.asking import Asked
from loadtests.exchange import Connections, resolve
from loadtests.messages import outcome_of
from loadtests.open_schedule import open_arrivals
from loadtests.open_sender import OpenSender
from loadtests.options import MAX_DURATION_S
from loadtests.schedule import Arrival
from loadtests.under_test import UnderTest


class Waiting(FastHttpUser):
    """A user who waits for its answer before it goes on: Locust's own way of working, a closed loop."""

    abstract = True

    def __init__(self, environment: Any) -> None:
        self.under_test: UnderTest = environment.under_test
        self.network_timeout = self.connection_timeout = self.under_test.settings.patience_s
        super().__init__(environment)

    def ask(self, method: str, url: str, *, kind: str, name: str, arm: str = "", **more: Any) -> None:
        """Make one request; `url` is a path at the arm under test, or whole with the `arm` that it belongs to."""
        counts, arm = self.under_test.counts, arm or self.under_test.arm
        counts.offer(arm, kind)
        counts.send(arm, kind)
        began = time.perf_counter()
        outcome = ""
        try:
            response: Any = self.client.request(method, url, name=name, **more)
            gave_up = isinstance(getattr(response, "error", None), TimeoutError)
            outcome = "gave_up" if gave_up else outcome_of(response.status_code)
        finally:
            # Locust ends a user in the middle of its request.
            if not outcome:
                counts.drop(arm)
        counts.end(arm, kind, outcome, time.perf_counter() - began)


class AtInventory(Waiting):
    """Reads the stock from an inventory directly, past the gateway: what is between is not what is compared."""

    abstract = True
    handler = ""

    def __init__(self, environment: Any) -> None:
        self.inventory = environment.under_test.inventories[self.handler]
        super().__init__(environment)

    def read_stock(self, sku: str) -> None:
        """Read the stock of one product."""
        arm, name = f"inventory-{self.handler}", f"{self.handler} /stock/[sku]"
        self.ask("GET", f"{self.inventory}/stock/{sku}", kind="browse", name=name, arm=arm)


class Arriving(User):
    """All customers of this process who come at their own instants: open arrivals. One of it sends for all."""

    abstract = True
    fixed_count = 1

    def arrive(self) -> None:
        """Send this process' part of the arrivals; then wait to be stopped."""
        under_test: UnderTest = self.environment.under_test
        settings, runner = under_test.settings, self.environment.runner
        index = runner.worker_index if runner is not None else 0
        under_test.open_begun += 1
        try:
            connections, host = self._way()
            # The sum of independent Poisson processes is one of the sum of their rates.
            rate_per_s = settings.rate_per_s / getattr(self.environment.parsed_options, "open_processes", 1)
            seed, key = f"{settings.seed}/{index}", f"{under_test.key}-{index}"
            arrivals = open_arrivals(seed, rate_per_s, settings.shape, settings.duration_s, settings.buying, key=key)
            OpenSender(
                connections,
                host=host,
                arm=under_test.arm,
                settings=settings,
                counts=under_test.counts,
                report=self._report,
            ).run(arrivals)
        finally:
            under_test.open_over += 1
        gevent.sleep(MAX_DURATION_S)

    def _way(self) -> tuple[Connections, str]:
        scheme, _, authority = (self.host or "").rstrip("/").partition("://")
        name, _, port = authority.partition(":")
        try:
            return Connections(resolve(name, int(port or 80)), time.perf_counter), authority
        except OSError as error:
            raise StopTest(f"{scheme}://{authority}: {error.strerror or error}") from error

    def _report(self, arrival: Arrival, asked: Asked) -> None:
        """Show a request to Locust's statistics, counted from its intended instant."""
        status = asked.answer.status if asked.answer else ""
        bought = arrival.kind == "checkout"
        self.environment.events.request.fire(
            request_type="POST" if bought else "GET",
            name="/checkout" if bought else "/products/[sku]/stock",
            response_time=asked.latency_s * 1000,
            response_length=len(asked.answer.body) if asked.answer else 0,
            exception=None if asked.outcome == "answered" else f"{asked.outcome} {status}".rstrip(),
            context={},
        )
