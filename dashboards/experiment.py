"""The board that Grafana opens on: what customers got, what they waited, why, and that the fault was there."""

from chaos.lab_metrics import FAULT_ACTIVE, PHASE, PHASES, RUN_INFO
from dashboards import colours
from dashboards.expressions import ARM, LAG, most, or_zero, rate, ratio, total
from dashboards.model import Board, Choice, Dash, Graph, Limit, Query, Row, State, Timeline
from dashboards.shapes import SERVICE_DASHES, SHARE_DASHES, breakers, quantiles
from loadtests.metrics import LOAD_IN_TIME_TOTAL, LOAD_LATENCY, LOAD_OFFERED_TOTAL, LOAD_REQUESTS_TOTAL
from resilience.metrics import CALLS_TOTAL, RETRIES_TOTAL
from services.common.metrics import DB_POOL_WAITING, HTTP_IN_FLIGHT

CHECKOUT = 'kind="checkout"'
# Everything that only looks.
READS = 'kind!="checkout"'
WHICH = " {{kind}}"
_KIND_DASHES: tuple[tuple[str, Dash], ...] = (("list", "dash"), ("product", "mixed"), ("search", "sparse"))
_OFFERED = f"max by (kind) ({rate(LOAD_OFFERED_TOTAL, 'arm, kind', ARM)})"
_TRIED = rate(CALLS_TOTAL, "arm, link", ARM, 'outcome!="rejected"')
_EXTRA = or_zero(ratio(rate(RETRIES_TOTAL, "arm, link", ARM), _TRIED), f"({_TRIED} > 0)")
_IN_TIME_S = 1.0


def _in_time(title: str, what: str, kind: str, legend: str) -> Graph:
    offered = f"max by (kind) ({rate(LOAD_OFFERED_TOTAL, 'arm, kind', ARM, kind)})"
    return Graph(
        title=f"{title} answered well and in time, per second",
        text=f"What {what} got, an arm a line; the closer to the offered load, the better. {LAG}",
        unit="reqps",
        queries=(
            Query(offered, f"offered{legend}"),
            Query(rate(LOAD_IN_TIME_TOTAL, "arm, kind", ARM, kind), f"{{{{arm}}}}{legend}"),
        ),
        plain=("offered",),
        dashes=_KIND_DASHES,
        nothing="no load",
    )


def _waited(title: str, kind: str, legend: str) -> Graph:
    return Graph(
        title=f"{title} latency p50, p95, p99",
        text=(
            "What customers waited, from the instant at which they meant to ask; dotted p50, solid p95, dashed p99. "
            f"The line at 1 s is where most scenarios stop to count an answer as in time. {LAG}"
        ),
        unit="s",
        queries=quantiles(LOAD_LATENCY, "arm, kind", f"{{{{arm}}}}{legend}", ARM, kind),
        dashes=SHARE_DASHES,
        limits=(Limit(_IN_TIME_S),),
        log=True,
        nothing="no request ended",
    )


_ERRORS = Graph(
    title="Requests that were refused, failed or given up, per second",
    text="What customers got instead of an answer: solid refused, dashed failed, dotted gave up waiting; 0 is good.",
    unit="reqps",
    queries=(Query(rate(LOAD_REQUESTS_TOTAL, "arm, outcome", ARM, 'outcome!="answered"'), "{{arm}} {{outcome}}"),),
    dashes=(("failed", "dash"), ("gave_up", "dot")),
    nothing="no load",
)
_ATTEMPTS = Graph(
    title="Attempts per call, on the link with the most",
    text=(
        "How much more than asked for a dependency gets: 1 is no retry, 2 is twice the load on who is slow already; "
        "the line is what a retry budget of 10 % allows."
    ),
    unit="none",
    queries=(Query(f"max by (arm) (1 + ({_EXTRA}))", "{{arm}}"),),
    limits=(Limit(1.1),),
    least=1,
    nothing="no calls",
)
_QUEUE = Graph(
    title="Calls waiting for a database connection",
    text="Dashed orders, dotted inventory, dash-dotted payments, long-dashed catalog: what waits here, customers wait.",
    unit="short",
    queries=(Query(total(DB_POOL_WAITING, "arm, service", ARM), "{{arm}} {{service}}"),),
    dashes=SERVICE_DASHES,
)
_IN_PROGRESS = Graph(
    title="Requests in progress at the gateway",
    text="Requests that have come in and not gone out; where it climbs, something behind the gateway holds them.",
    unit="short",
    queries=(Query(total(HTTP_IN_FLIGHT, "arm", ARM, 'service="gateway"'), "{{arm}}"),),
)
_COURSE = Timeline(
    title="Phases and faults",
    text="The run from left to right: which phase it is in, and below what is broken while the strip is filled.",
    queries=(
        Query(f"2 * max by (scenario, seed) ({RUN_INFO})", "{{scenario}}, seed {{seed}}"),
        # A query each: in the order of time, not of the alphabet. Nothing is sent while it starts.
        *(Query(f'2 * (max by (phase) ({PHASE}{{phase="{phase}"}}) == 1)', "{{phase}}") for phase in PHASES[1:]),
        # What a fault is called says where it strikes.
        Query(most(FAULT_ACTIVE, "fault", ARM), "{{fault}}"),
    ),
    states=(
        State(0, "not in force", "transparent"),
        State(1, "in force", colours.FULL),
        State(2, "now", colours.HALF),
    ),
    width=24,
    height=9,
    nothing="no scenario is running",
)


def board() -> Board:
    """Return the board."""
    return Board(
        uid="experiment",
        title="Experiment",
        question="What did the fault do to the customers of each arm, why, and when was it over?",
        choices=(Choice("arm", "Arm", HTTP_IN_FLIGHT),),
        parts=(
            _COURSE,
            Row("What customers got"),
            _in_time("Checkouts", "customers who buy", CHECKOUT, ""),
            _in_time("Reads", "customers who only look", READS, WHICH),
            _waited("Checkout", CHECKOUT, ""),
            _waited("Read", READS, WHICH),
            _ERRORS,
            _ATTEMPTS,
            Row("Why"),
            _QUEUE,
            _IN_PROGRESS,
            breakers(width=24, height=10),
        ),
    )
