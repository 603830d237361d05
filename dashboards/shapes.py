"""Panels and queries that more than one board has."""

from dashboards import colours
from dashboards.expressions import ARM, most, quantile
from dashboards.model import Dash, Query, State, Timeline
from resilience.metrics import BREAKER_STATE, BREAKER_STATE_VALUES

SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
SHARE_DASHES: tuple[tuple[str, Dash], ...] = (("p50", "dot"), ("p99", "dash"))
# The gateway's line is solid, for it is what customers see.
SERVICE_DASHES: tuple[tuple[str, Dash], ...] = (
    ("orders", "dash"),
    ("inventory", "dot"),
    ("payments", "mixed"),
    ("bank", "sparse"),
)
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
