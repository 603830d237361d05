"""Customers for Locust's own users: pick classes in its web UI, or name them on its command line.

    locust -f loadtests/locustfile.py --class-picker --host http://127.0.0.1:18200

Browsing, Buying and PacedBrowsing wait for each answer before they go on: what most load tests are, and a closed loop,
in which a slow service is asked less. OpenArrivals come at their own instants and count from them. docs/closed-loop.md
shows the difference. The three handler classes ask an inventory directly.
"""

import random
import uuid
from typing import Any

import locust.runners
import locust.stats
from locust import between, constant_pacing, events, task

from loadtests.conductor import Conductor
from loadtests.customers import Arriving, AtInventory, Waiting
from loadtests.messages import customer_of
from loadtests.options import Refused, add_options
from loadtests.schedule import SKUS
from loadtests.under_test import UnderTest

# Locust's charts have a point every 5 s, in which a fault of seconds is lost.
locust.stats.HISTORY_STATS_INTERVAL_SEC = 1
locust.runners.WORKER_REPORT_INTERVAL = 1.0
locust.stats.PERCENTILES_TO_CHART = [0.5, 0.95, 0.99]


def _prepare(environment: Any, **_: Any) -> None:
    """Read the options before anything starts; a wrong one ends Locust in one line."""
    try:
        under_test = UnderTest(environment)
    except Refused as error:
        raise SystemExit(f"loadtests: {error}") from error
    environment.under_test = under_test
    under_test.open()
    if under_test.is_worker:
        environment.events.test_start.add_listener(lambda **_: under_test.begin())
    else:
        _offer_what_is_up(environment, under_test)
        Conductor(under_test, OpenArrivals)
    environment.events.test_stop.add_listener(lambda **_: under_test.report())
    environment.events.quitting.add_listener(lambda **_: under_test.close())


def _offer_what_is_up(environment: Any, under_test: UnderTest) -> None:
    """Take the handler classes whose inventory is not there out of the picker; named explicitly they say so."""
    missing = {
        name
        for name, user in environment.available_user_classes.items()
        if issubclass(user, AtInventory) and user.handler not in under_test.inventories
    }
    for name in missing - set(environment.parsed_options.user_classes):
        user = environment.available_user_classes.pop(name)
        environment.available_user_tasks.pop(name, None)
        environment.user_classes = [each for each in environment.user_classes if each is not user]


# Locust leaves its events untyped.
_EVENTS: Any = events
_EVENTS.init_command_line_parser.add_listener(add_options)
_EVENTS.init.add_listener(_prepare)


class Browsing(Waiting):
    """Looks at one product after the other, with pauses."""

    weight = 3
    wait_time = between(0.5, 1.5)

    @task
    def look(self) -> None:
        """Read the stock of a product."""
        self.ask("GET", f"/products/{_any_sku()}/stock", kind="browse", name="/products/[sku]/stock")


class Buying(Waiting):
    """Looks at a product and buys it, with pauses."""

    weight = 1
    wait_time = between(0.5, 1.5)

    @task
    def buy(self) -> None:
        """Check out under a key of its own, so that a repetition would not buy twice."""
        sku = _any_sku()
        self.ask("GET", f"/products/{sku}/stock", kind="browse", name="/products/[sku]/stock")
        key = str(uuid.uuid4())
        order = {"sku": sku, "quantity": 1, "customer": customer_of(key)}
        self.ask("POST", "/checkout", kind="checkout", name="/checkout", json=order, headers={"Idempotency-Key": key})


class PacedBrowsing(Waiting):
    """Looks at products at a pace: all of these together aim at --rate, and fall short of it when answers are slow."""

    @task
    def look(self) -> None:
        """Read the stock of a product."""
        self.ask("GET", f"/products/{_any_sku()}/stock", kind="browse", name="/products/[sku]/stock")

    def wait_time(self) -> float:
        """Return what is left of this user's period, 0 where the answer took longer: the missed ones are lost."""
        users = self.environment.parsed_options.peak_users
        pause: float = constant_pacing(users / self.under_test.settings.rate_per_s)(self)
        return pause


class OpenArrivals(Arriving):
    """Customers who come at --rate whether earlier ones were answered or not; one of this class sends for all."""

    @task
    def come(self) -> None:
        """Send the whole schedule."""
        self.arrive()


class AsyncHandler(AtInventory):
    """Asks an inventory whose handlers are `async def`, with short pauses: ten ask 100 times a second."""

    handler = "async"
    wait_time = between(0.05, 0.15)

    @task
    def look(self) -> None:
        """Read the stock of a product."""
        self.read_stock(_any_sku())


class DefHandler(AtInventory):
    """Asks an inventory whose handlers are `def`, each in a thread, with short pauses."""

    handler = "def"
    wait_time = between(0.05, 0.15)

    @task
    def look(self) -> None:
        """Read the stock of a product."""
        self.read_stock(_any_sku())


class BlockingHandler(AtInventory):
    """Asks an inventory that blocks its event loop in `async def`, with short pauses."""

    handler = "blocking"
    wait_time = between(0.05, 0.15)

    @task
    def look(self) -> None:
        """Read the stock of a product."""
        self.read_stock(_any_sku())


def _any_sku() -> str:
    return random.choice(SKUS)  # noqa: S311  not for secrets
