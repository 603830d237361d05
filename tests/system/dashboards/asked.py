"""The queries of the boards by the names of their panels, and which of them speak of arms."""

from collections.abc import Collection

from dashboards import promql
from dashboards.boards import BOARDS
from dashboards.grafana import dashboard
from dashboards.lint import panels

# What may have been there and not be seen.
BETWEEN_SCRAPES = {'phase="drain"': "the last answers may come within a second"}
# What only a run with the parts can fill.
OF_PARTS = frozenset({"events", "catalog"})
# A point each second, less what a window needs to begin with and a busy machine misses.
ENOUGH_POINTS = 5


def queries(uids: Collection[str]) -> dict[str, str]:
    """Return every query of some boards, by `board: panel letter`."""
    return {
        f"{board.uid}: {panel['title']} {target['refId']}": target["expr"]
        for board in BOARDS
        if board.uid in uids
        for panel in panels(dashboard(board))
        for target in panel["targets"]
        if not any(part in target["expr"] for part in BETWEEN_SCRAPES)
    }


def by_arm(expr: str) -> bool:
    """Return whether the series of a query have an arm."""
    return "arm" in promql.groupings(expr)[0]
