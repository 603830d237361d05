"""The top of the page: which phase it is, the figures of this second, and what to do where there is nothing."""

from typing import Any

from chaos.report.arms import arm_styles
from chaos.watch import now
from chaos.watch.views import LIVE, View
from chaos.watch.watch import Watch

NOTHING = (
    "Nothing runs and nothing is recorded. `make scenario-slow-db` runs a scenario, `make up` starts the shop; "
    "this page shows either by itself."
)
# The arms of `lab up` where nothing says which there are.
USUAL_ARMS = ("naive", "protected")


async def state_of(watch: Watch, key: str) -> dict[str, Any]:
    """Return the state of a view; raises UsageError where there is no such one."""
    view = await watch.views.find(key)
    figures = {}
    if view.source is not None and view.newest_s > view.start_s:
        figures = await now.figures(view.source, min(view.newest_s, view.end_s) if view.told else view.newest_s)
    return {
        "view": view.key,
        "live": view.growing,
        "source": view.source.name if view.source else None,
        "message": _message(view),
        "origin": view.origin_s,
        "start": view.start_s,
        "end": view.end_s,
        "newest": view.newest_s,
        "scenario": view.scenario.name if view.scenario else None,
        "question": view.scenario.question if view.scenario else None,
        "verdict": view.told.verdict if view.told else None,
        "report": view.folder is not None and view.folder.report_html.is_file(),
        "phases": view.phases(),
        "arms": [
            {"name": name, "key": style.key, "light": style.light, "dark": style.dark, "figures": figures.get(name, {})}
            for name, style in arm_styles(view.arms or USUAL_ARMS).items()
        ],
    }


def _message(view: View) -> str:
    if view.source is None:
        starting = view.folder is not None and view.growing
        return "The shop starts; the charts begin with the first customer." if starting else NOTHING
    if view.key == LIVE:
        return "A lab is up and no run goes on: the last ten minutes."
    if view.growing or view.told is not None:
        return ""
    return "This run did not finish: there is no verdict, and no report."
