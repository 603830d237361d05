"""The same handler as async, as def and as blocking inside async: who waits for what, arms side by side."""

from dashboards.expressions import ARM, LAG, SERVICE, most, quantile, rate, total
from dashboards.model import Board, Choice, Dash, Graph, Limit, Query, Row
from dashboards.shapes import SHARE_DASHES, quantiles
from services.common.metrics import (
    DB_POOL_USED,
    DB_POOL_WAITING,
    EVENT_LOOP_LAG,
    EVENT_LOOP_LAG_MAX,
    HTTP_DURATION,
    HTTP_IN_FLIGHT,
    THREAD_TOKENS,
    THREAD_TOKENS_USED,
    THREAD_TOKENS_WAITING,
)

_EACH = "{{arm}}"
_BLOCKED = Limit(0.1)
# Of inventory, which is where the handlers differ.
_ROUTE_DASHES: tuple[tuple[str, Dash], ...] = (
    ("/stock", "dot"),
    ("/reservations", "dash"),
    ("/reservations/{order_id}", "mixed"),
)

_ROUTES = (
    Row("What callers of the service get"),
    Graph(
        title="Requests by route, per second",
        text="How much each route answers: a blocked loop slows all of them down to what one call at a time gives.",
        unit="reqps",
        queries=(Query(rate(f"{HTTP_DURATION}_count", "arm, route", ARM, SERVICE), "{{arm}} {{route}}"),),
        dashes=_ROUTE_DASHES,
        nothing="no requests",
    ),
    Graph(
        title="Latency p95 by route",
        text=f"The slow route and those beside it: where all are slow, the loop is blocked and not the data. {LAG}",
        unit="s",
        queries=(Query(quantile(0.95, HTTP_DURATION, "arm, route", ARM, SERVICE), "{{arm}} {{route}}"),),
        dashes=_ROUTE_DASHES,
        log=True,
        nothing="no requests",
    ),
)
_LOOP = (
    Row("The event loop"),
    Graph(
        title="Loop lag p50, p95, p99",
        text=(
            "How late the loop calls back, asked each 25 ms; dotted p50, solid p95, dashed p99. The answer comes after "
            f"the block: a loop that hangs for a second is asked once in it. {LAG}"
        ),
        unit="s",
        queries=quantiles(EVENT_LOOP_LAG, "arm", _EACH, ARM, SERVICE),
        dashes=SHARE_DASHES,
        limits=(_BLOCKED,),
        log=True,
    ),
    Graph(
        title="Loop lag, the worst of the last seconds",
        text="One call that blocks shows here at full length: all other requests of the process have waited for it.",
        unit="s",
        queries=(Query(most(EVENT_LOOP_LAG_MAX, "arm", ARM, SERVICE), _EACH),),
        limits=(_BLOCKED,),
        log=True,
    ),
)
_THREADS = (
    Row("Threads and connections"),
    Graph(
        title="Threads of def handlers: in use, and allowed",
        text="Solid in use, dashed allowed at once: a def handler at its limit serves threads / service time, no more.",
        unit="short",
        queries=(
            Query(total(THREAD_TOKENS_USED, "arm", ARM, SERVICE), f"{_EACH} used"),
            Query(total(THREAD_TOKENS, "arm", ARM, SERVICE), f"{_EACH} allowed"),
        ),
        dashes=(("allowed", "dash"),),
    ),
    Graph(
        title="Requests waiting for a thread",
        text="The queue of def handlers before the threads; async handlers never stand in it.",
        unit="short",
        queries=(Query(total(THREAD_TOKENS_WAITING, "arm", ARM, SERVICE), _EACH),),
    ),
    Graph(
        title="Database connections: in use, and waited for",
        text="Solid in use, dashed callers that wait for one: async handlers queue here, def handlers before a thread.",
        unit="short",
        queries=(
            Query(total(DB_POOL_USED, "arm", ARM, SERVICE), f"{_EACH} used"),
            Query(total(DB_POOL_WAITING, "arm", ARM, SERVICE), f"{_EACH} waiting"),
        ),
        dashes=(("waiting", "dash"),),
    ),
    Graph(
        title="Requests in progress",
        text="Requests that have come in and not gone out; a blocked loop does not even take new ones in.",
        unit="short",
        queries=(Query(total(HTTP_IN_FLIGHT, "arm", ARM, SERVICE), _EACH),),
    ),
)


def board() -> Board:
    """Return the board."""
    return Board(
        uid="event-loop",
        title="Event loop: async, def, blocking",
        question="Is a service slow because its loop is blocked, its threads are taken, or its database is slow?",
        choices=(Choice("arm", "Arm", HTTP_IN_FLIGHT), Choice("service", "Service", HTTP_IN_FLIGHT, first="inventory")),
        parts=(*_ROUTES, *_LOOP, *_THREADS),
    )
