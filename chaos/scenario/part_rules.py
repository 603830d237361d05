"""What a scenario may do only where it starts the part of the shop that it does it to: faults and figures of a part."""

from collections.abc import Iterator

from chaos.judging.figure_names import FIGURES
from chaos.scenario import Kill, Messages, Pause, Scenario
from chaos.scenario.marked_yaml import Steps
from chaos.scenario.parts import Part, part_of, part_of_link


def part_problems(scenario: Scenario) -> Iterator[tuple[Steps, str]]:
    """Yield what names a part that the scenario does not need, each with its path."""
    for position, twice in enumerate(scenario.needs):
        if twice in scenario.needs[:position]:
            yield ("needs", position), f"{twice!r} stands twice; name each part once"
    for steps, what, part in _named(scenario):
        if part is not None and part not in scenario.needs:
            yield steps, f"{what} is there only with the part {part}; write needs: [{part}]"


def _named(scenario: Scenario) -> Iterator[tuple[Steps, str, Part | None]]:
    for index, fault in enumerate(scenario.faults):
        for position, link in enumerate(fault.links):
            yield ("faults", index, "links", position), link, part_of_link(link)
        if isinstance(fault, Kill | Pause):
            for position, service in enumerate(fault.services):
                yield ("faults", index, "services", position), service, part_of(service)
        if isinstance(fault, Messages):
            yield ("faults", index, "topics", 0), f"the topic {fault.topics[0]}", "events"
    for index, expectation in enumerate(scenario.expect):
        figure = FIGURES.get(expectation.figure)
        yield ("expect", index, "figure"), expectation.figure, figure.part if figure else None
