"""One customer's question: from its intended instant to its answer, its failure or the end of its patience."""

from collections.abc import Callable
from typing import NamedTuple

import gevent

from loadtests.exchange import BROKEN, Connections, exchange
from loadtests.messages import Answer, outcome_of


class Asked(NamedTuple):
    """How it ended. `answer` is None where none came; `latency_s` counts from the intended instant."""

    outcome: str
    latency_s: float
    answer: Answer | None


def ask(
    connections: Connections, request: bytes, due: float, *, lag_s: float, patience_s: float, now: Callable[[], float]
) -> Asked:
    """Send a request that was due at `due`, which is `lag_s` ago, and wait as long as a customer would."""
    # The customer's patience began at the intended instant, not when we got round to sending.
    patience = gevent.Timeout.start_new(max(0.0, patience_s - lag_s))
    try:
        answer = exchange(connections, request)
        return Asked(outcome_of(answer.status), now() - due, answer)
    except BROKEN:
        return Asked("failed", now() - due, None)
    except gevent.Timeout as expired:
        if expired is not patience:
            raise
        return Asked("gave_up", patience_s, None)
    finally:
        patience.close()
