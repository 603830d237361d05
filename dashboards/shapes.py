"""Panels and queries that more than one board has."""

from dashboards import colours
from dashboards.expressions import ARM, LAG, most, or_zero, quantile, rate
from dashboards.model import Dash, Graph, Panel, Query, Row, State, Timeline
from resilience.metrics import BREAKER_STATE, BREAKER_STATE_VALUES
from services.common.metrics import HTTP_DURATION

SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
SHARE_DASHES: tuple[tuple[str, Dash], ...] = (("p50", "dot"), ("p99", "dash"))
# The gateway's line is solid, for it is what customers see.
SERVICE_DASHES: tuple[tuple[str, Dash], ...] = (
    ("orders", "dash"),
    ("inventory", "dot"),
    ("payments", "mixed"),
    ("bank", "sparse"),
    ("catalog", "long"),
    ("notifications", "twice"),
)
# 0: the customer or the caller was gone before an answer began.
_FAILED = 'status=~"5..|0"'
_COUNT = f"{HTTP_DURATION}_count"
_BREAKERS = {
    "closed": ("closed", colours.QUIET),
    "half_open": ("half-open", colours.HALF),
    "open": ("open", colours.FULL),
    "forced_closed": ("forced closed", colours.QUIET),
    "forced_open": ("forced open", colours.FULL),
}


def quantiles(metric: str, by: str, legend: str, *where: str) -> tuple[Query, ...]:
    """Return the p50, p95 and p99 of a histogram; the legend ends in which one it is, drawn by SHARE_DASHES."""
    return tuple(Query(quantile(share, metric, by, *where), f"{legend} {name}") for name, share in SHARES)


def breakers(*where: str, width: int = 12, height: int = 8) -> Timeline:
    """Return the states of all breakers that match."""
    return Timeline(
        title="Circuit breakers",
        text="A strip a breaker: filled while it is open and refuses every call, paler while it tries one.",
        queries=(Query(most(BREAKER_STATE, "arm, link", ARM, *where), "{{arm}} {{link}}"),),
        states=tuple(State(value, *_BREAKERS[state]) for state, value in BREAKER_STATE_VALUES.items()),
        nothing="no arm here has a breaker",
        width=width,
        height=height,
    )


def red(service: str, nothing: str = "no requests") -> tuple[Row | Panel, ...]:
    """Return a service's heading, its requests and errors, and its latency."""
    where = (ARM, f'service="{service}"')
    return (
        Row(service),
        Graph(
            title=f"{service}: requests and errors, per second",
            text="Solid: requests answered, whatever the answer; dashed: answers of 500 and more, or none; 0 is good.",
            unit="reqps",
            queries=(
                Query(rate(_COUNT, "arm", *where), "{{arm}} all"),
                Query(or_zero(rate(_COUNT, "arm", *where, _FAILED), rate(_COUNT, "arm", *where)), "{{arm}} errors"),
            ),
            dashes=(("errors", "dash"),),
            height=7,
            nothing=nothing,
        ),
        Graph(
            title=f"{service}: latency p50, p95, p99",
            text=f"From the request's arrival at the service to its answer; dotted p50, solid p95, dashed p99. {LAG}",
            unit="s",
            queries=quantiles(HTTP_DURATION, "arm", "{{arm}}", *where),
            dashes=SHARE_DASHES,
            log=True,
            height=7,
            nothing=nothing,
        ),
    )
