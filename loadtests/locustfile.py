"""Customers for Locust's own way of working: a number of users, each of whom waits for its answer before it goes on.

    locust -f loadtests/locustfile.py --host http://127.0.0.1:18100

It is what most load tests are, and it is here to be compared with arrivals.py: users who wait for a slow service stop
asking, so the slow seconds are hardly measured. Add loadtests/shapes.py to let the number of users change:

    locust -f loadtests/locustfile.py,loadtests/shapes.py --shape spike --host http://127.0.0.1:18100
"""

import random
import uuid

from locust import FastHttpUser, between, task

from loadtests.schedule import SKUS


class Browsing(FastHttpUser):
    """Looks at one product after the other."""

    weight = 3
    wait_time = between(0.5, 1.5)

    @task
    def look(self) -> None:
        """Read the stock of a product."""
        sku = random.choice(SKUS)  # noqa: S311  not for secrets
        self.client.get(f"/products/{sku}/stock", name="/products/[sku]/stock")


class Buying(FastHttpUser):
    """Looks at a product and buys it."""

    weight = 1
    wait_time = between(0.5, 1.5)

    @task
    def buy(self) -> None:
        """Check out under a key of its own, so that a repetition would not buy twice."""
        sku = random.choice(SKUS)  # noqa: S311  not for secrets
        self.client.get(f"/products/{sku}/stock", name="/products/[sku]/stock")
        order = {"sku": sku, "quantity": 1}
        self.client.post("/checkout", json=order, headers={"Idempotency-Key": str(uuid.uuid4())})
