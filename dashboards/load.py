"""Who asks: what was due, what was sent, and what came of it, a run's customers and Locust's users alike."""

from dashboards.expressions import ARM, LAG, rate, total
from dashboards.model import Board, Choice, Graph, Limit, Query, Row
from dashboards.shapes import SHARE_DASHES, quantiles
from loadtests.metrics import (
    LOAD_IN_FLIGHT,
    LOAD_IN_TIME_TOTAL,
    LOAD_LATE_TOTAL,
    LOAD_LATENCY,
    LOAD_OFFERED_TOTAL,
    LOAD_REQUESTS_TOTAL,
    LOAD_SENT_TOTAL,
    LOAD_SKIPPED_TOTAL,
    LOAD_USERS,
)

# Who sends is said by `source`: `run` for a scenario's generator, `locust` for `make locust` and `make load`.
_BY = "arm, source"
_EACH = "{{arm}} {{source}}"

_SENT = (
    Row("What was sent"),
    Graph(
        title="Offered and sent, per second",
        text="Solid due, dashed sent: apart from each other they mean that the generator, not the shop, is the limit.",
        unit="reqps",
        queries=(
            Query(rate(LOAD_OFFERED_TOTAL, _BY, ARM), f"{_EACH} offered"),
            Query(rate(LOAD_SENT_TOTAL, _BY, ARM), f"{_EACH} sent"),
        ),
        dashes=(("sent", "dash"),),
        nothing="no load",
    ),
    Graph(
        title="Late and skipped, per second",
        text="Solid sent over 10 ms late, dashed not sent for too many in flight; above 0 the load is not as asked.",
        unit="reqps",
        queries=(
            Query(rate(LOAD_LATE_TOTAL, _BY, ARM), f"{_EACH} late"),
            Query(rate(LOAD_SKIPPED_TOTAL, _BY, ARM), f"{_EACH} skipped"),
        ),
        dashes=(("skipped", "dash"),),
        limits=(Limit(1),),
        nothing="no load",
    ),
    Graph(
        title="Requests in flight",
        text="Sent and not yet ended: with open arrivals it grows as long as the shop serves less than is offered.",
        unit="short",
        queries=(Query(total(LOAD_IN_FLIGHT, _BY, ARM), _EACH),),
        nothing="no load",
    ),
    Graph(
        title="Users of Locust",
        text="Running users by class; one that waits for its answers asks less the slower the shop is.",
        unit="short",
        queries=(Query(total(LOAD_USERS, "user, source"), "{{user}} {{source}}"),),
        nothing="no users of Locust: make locust or make load starts some",
    ),
)
_CAME_OF_IT = (
    Row("What came of it"),
    Graph(
        title="Requests by outcome, per second",
        text="Solid answered, dashed refused, dotted failed, dash-dotted given up: together they are what was sent.",
        unit="reqps",
        queries=(Query(rate(LOAD_REQUESTS_TOTAL, f"{_BY}, outcome", ARM), f"{_EACH} {{{{outcome}}}}"),),
        dashes=(("refused", "dash"), ("failed", "dot"), ("gave_up", "mixed")),
        nothing="no load",
    ),
    Graph(
        title="Answered well and in time, per second",
        text="What customers call served, by kind of request; compare it with what was offered.",
        unit="reqps",
        queries=(Query(rate(LOAD_IN_TIME_TOTAL, f"{_BY}, kind", ARM), f"{_EACH} {{{{kind}}}}"),),
        dashes=(("browse", "dash"), ("list", "dot"), ("product", "mixed"), ("search", "sparse")),
        nothing="no load",
    ),
    Graph(
        title="Latency p50, p95, p99",
        text=(
            "From the intended instant where there is one; users who wait for answers have none, and hide a stall. "
            f"Dotted p50, solid p95, dashed p99. {LAG}"
        ),
        unit="s",
        queries=quantiles(LOAD_LATENCY, _BY, _EACH, ARM),
        dashes=SHARE_DASHES,
        log=True,
        width=24,
        nothing="no request ended",
    ),
)


def board() -> Board:
    """Return the board."""
    return Board(
        uid="load",
        title="Load",
        question="Was the load what it was meant to be, and what became of it?",
        choices=(Choice("arm", "Arm", LOAD_OFFERED_TOTAL),),
        parts=(*_SENT, *_CAME_OF_IT),
    )
