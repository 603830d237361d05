"""Each link as its caller sees it: what calls came to, how long they took, and what the policies did about it."""

from dashboards.expressions import ARM, LAG, LINK, least, quantile, rate, total
from dashboards.model import Board, Choice, Graph, Query, Row
from dashboards.shapes import SHARE_DASHES, breakers, quantiles
from resilience.metrics import (
    BUDGET_TOKENS,
    BULKHEAD_IN_FLIGHT,
    BULKHEAD_WAITING,
    CALL_DURATION,
    CALLS_TOTAL,
    FALLBACKS_TOTAL,
    REJECTIONS_TOTAL,
    RETRIES_TOTAL,
)

_EACH = "{{arm}} {{link}}"
# A refusal takes no time and says nothing of the dependency.
_ASKED = 'outcome!="rejected"'
_NOT_WELL = rate(CALLS_TOTAL, "arm, link, outcome", ARM, LINK, 'outcome!="success"')

_ONE_BY_ONE = (
    Row("The chosen links, one by one"),
    Graph(
        title="Latency p95, by link",
        text=f"What a caller waits for each dependency, all attempts of a call together, refusals left out. {LAG}",
        unit="s",
        queries=(Query(quantile(0.95, CALL_DURATION, "arm, link", ARM, LINK, _ASKED), _EACH),),
        log=True,
        width=24,
        height=10,
        nothing="no calls",
    ),
    Graph(
        title="Calls without success, per second, by link",
        text="Solid refused by a policy, dashed failed, dotted given up by the caller; a line ends where none is left.",
        unit="ops",
        queries=(Query(f"{_NOT_WELL} > 0", "{{arm}} {{link}} {{outcome}}"),),
        dashes=(("failure", "dash"), ("abandoned", "dot")),
        width=24,
        nothing="every call succeeded",
    ),
    breakers(LINK, width=24, height=10),
    Graph(
        title="Slots of the bulkhead: in use, and waited for",
        text="Solid in use, dashed waiting: a queue here is bounded and seen, one in a pool is neither.",
        unit="short",
        queries=(
            Query(total(BULKHEAD_IN_FLIGHT, "arm, link", ARM, LINK), f"{_EACH} used"),
            Query(total(BULKHEAD_WAITING, "arm, link", ARM, LINK), f"{_EACH} waiting"),
        ),
        dashes=(("waiting", "dash"),),
        nothing="no arm here has a bulkhead on these links",
    ),
    Graph(
        title="Retry budget left, in whole retries",
        text="Falls while a dependency fails; at 0 nothing is tried twice, so that retries cannot keep it down.",
        unit="short",
        queries=(Query(least(BUDGET_TOKENS, "arm, link", ARM, LINK), _EACH),),
        nothing="no arm here has a retry budget on these links",
    ),
)
_TOGETHER = (
    Row("The chosen links together"),
    Graph(
        title="Calls by outcome, per second",
        text="Solid success, dashed failure, dotted refused, dash-dotted given up; 0 but for the solid lines is good.",
        unit="ops",
        queries=(Query(rate(CALLS_TOTAL, "arm, outcome", ARM, LINK), "{{arm}} {{outcome}}"),),
        dashes=(("failure", "dash"), ("rejected", "dot"), ("abandoned", "mixed")),
        nothing="no calls",
    ),
    Graph(
        title="Latency p50, p95, p99",
        text=f"Of all calls over the chosen links that were made; dotted p50, solid p95, dashed p99. {LAG}",
        unit="s",
        queries=quantiles(CALL_DURATION, "arm", "{{arm}}", ARM, LINK, _ASKED),
        dashes=SHARE_DASHES,
        log=True,
        nothing="no calls",
    ),
    Graph(
        title="Refusals by policy, per second",
        text="Which policy said no: dashed breaker, dotted retry budget, dash-dotted bulkhead, solid another one.",
        unit="ops",
        queries=(Query(rate(REJECTIONS_TOTAL, "arm, policy", ARM, LINK), "{{arm}} {{policy}}"),),
        dashes=(("breaker", "dash"), ("budget", "dot"), ("bulkhead", "mixed")),
        nothing="no arm here has a policy that refuses",
    ),
    Graph(
        title="Retries, and answers of the fallback, per second",
        text="Solid attempts beyond the first, dashed calls that a fallback answered instead of the dependency.",
        unit="ops",
        queries=(
            Query(rate(RETRIES_TOTAL, "arm", ARM, LINK), "{{arm}} retries"),
            Query(rate(FALLBACKS_TOTAL, "arm", ARM, LINK), "{{arm}} fallback"),
        ),
        dashes=(("fallback", "dash"),),
        nothing="no arm here retries or falls back on these links",
    ),
)


def board() -> Board:
    """Return the board."""
    return Board(
        uid="dependencies",
        title="Dependencies",
        question="Which dependency is slow or fails, and what do the policies on its link do about it?",
        choices=(Choice("arm", "Arm", CALLS_TOTAL), Choice("link", "Link", CALLS_TOTAL)),
        parts=(*_ONE_BY_ONE, *_TOGETHER),
    )
