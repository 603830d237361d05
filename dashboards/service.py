"""Each service in the order in which a request passes them: rate and errors, latency; then what runs short."""

from dashboards.expressions import ARM, SERVICE, most, rate, total
from dashboards.model import Board, Choice, Graph, Limit, Query, Row
from dashboards.shapes import SERVICE_DASHES, red
from resilience.metrics import SERVER_IN_FLIGHT, SERVER_WAITING, SHED_TOTAL
from services.common.metrics import (
    DB_POOL_SIZE,
    DB_POOL_USED,
    DB_POOL_WAITING,
    EVENT_LOOP_LAG_MAX,
    HTTP_IN_FLIGHT,
    THREAD_TOKENS,
    THREAD_TOKENS_USED,
    THREAD_TOKENS_WAITING,
)

# A request passes them in this order; sorted by name they would begin with the bank. Catalog and notifications have
# boards of their own.
SERVICES = ("gateway", "orders", "inventory", "payments", "bank")
_BOTH = "{{arm}} {{service}}"


_SHORT = (
    Row(
        "What runs short: solid gateway, dashed orders, dotted inventory, dash-dotted payments, sparse bank, "
        "long-dashed catalog, dash-dot-dotted notifications"
    ),
    Graph(
        title="Requests in progress",
        text="Requests that have come in and not gone out: rate times latency; where it climbs, something holds them.",
        unit="short",
        queries=(Query(total(HTTP_IN_FLIGHT, "arm, service", ARM, SERVICE), _BOTH),),
        dashes=SERVICE_DASHES,
    ),
    Graph(
        title="Event loop lag, the worst of the last seconds",
        text="How late a loop calls back; from 0.1 s on every request of the process waits that long at each await.",
        unit="s",
        queries=(Query(most(EVENT_LOOP_LAG_MAX, "arm, service", ARM, SERVICE), _BOTH),),
        dashes=SERVICE_DASHES,
        limits=(Limit(0.1),),
        log=True,
    ),
    Graph(
        title="Database connections: in use, and open",
        text="Solid in use, dashed open: where the two meet, the pool is the bottleneck and the next call waits.",
        unit="short",
        queries=(
            Query(total(DB_POOL_USED, "arm, service", ARM, SERVICE), f"{_BOTH} used"),
            Query(total(DB_POOL_SIZE, "arm, service", ARM, SERVICE), f"{_BOTH} open"),
        ),
        dashes=(("open", "dash"),),
    ),
    Graph(
        title="Calls waiting for a database connection",
        text="The queue before each pool; what stands here is time that customers wait, 0 is good.",
        unit="short",
        queries=(Query(total(DB_POOL_WAITING, "arm, service", ARM, SERVICE), _BOTH),),
        dashes=SERVICE_DASHES,
    ),
    Graph(
        title="Threads of def handlers: in use, and allowed",
        text="Solid in use, dashed allowed at once: where the two meet, the next def handler waits for a thread.",
        unit="short",
        queries=(
            Query(total(THREAD_TOKENS_USED, "arm, service", ARM, SERVICE), f"{_BOTH} used"),
            Query(total(THREAD_TOKENS, "arm, service", ARM, SERVICE), f"{_BOTH} allowed"),
        ),
        dashes=(("allowed", "dash"),),
    ),
    Graph(
        title="Requests waiting for a thread",
        text="The queue of def handlers before the threads; 0 is good, and async handlers never stand in it.",
        unit="short",
        queries=(Query(total(THREAD_TOKENS_WAITING, "arm, service", ARM, SERVICE), _BOTH),),
        dashes=SERVICE_DASHES,
    ),
    Graph(
        title="The door: requests inside and waiting",
        text="Solid let in by the load shedder, dashed kept waiting before it; an arm without one has no line.",
        unit="short",
        queries=(
            Query(total(SERVER_IN_FLIGHT, "arm, server", ARM), "{{arm}} {{server}} inside"),
            Query(total(SERVER_WAITING, "arm, server", ARM), "{{arm}} {{server}} waiting"),
        ),
        dashes=(("waiting", "dash"),),
        nothing="no arm here has a load shedder",
    ),
    Graph(
        title="The door: requests refused, per second",
        text="What a load shedder turned away before it began, and for what reason; no line is none refused.",
        unit="reqps",
        queries=(Query(rate(SHED_TOTAL, "arm, server, reason", ARM), "{{arm}} {{server}} {{reason}}"),),
        nothing="nothing was refused",
    ),
)


def board() -> Board:
    """Return the board."""
    parts = [part for service in SERVICES for part in red(service)]
    return Board(
        uid="service",
        title="Service",
        question="Which service is slow or fails, and what does it run short of?",
        choices=(Choice("arm", "Arm", HTTP_IN_FLIGHT), Choice("service", "Service", HTTP_IN_FLIGHT)),
        parts=(*parts, *_SHORT),
    )
