"""All boards, in the order in which they are read, and the files that are made of them."""

from collections.abc import Mapping

from dashboards import catalog, dependencies, event_loop, events, experiment, grafana, load, rules, service

BOARDS = (
    experiment.board(),
    service.board(),
    dependencies.board(),
    events.board(),
    catalog.board(),
    event_loop.board(),
    load.board(),
)


def files() -> Mapping[str, str]:
    """Return what is committed, by its path below dashboards/."""
    return {**{f"json/{board.uid}.json": grafana.text(board) for board in BOARDS}, "rules.yml": rules.text()}
