"""What a scenario may say beyond the types of its fields: names that must exist, and what may be written where.

The names are the shop's (links), Toxiproxy's (attributes of a toxic), the policies' (profiles) and the registry's
(figures). Each rule answers with the path of the wrong value and a sentence that names the nearest right one.
"""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from chaos.judging.figure_names import FIGURES
from chaos.scenario import Arm, Down, Expectation, Fault, Kill, Load, Messages, Pause, Phases, Scenario, SlowCall, Toxic
from chaos.scenario.faults import KillAttributes, MessagesAttributes, SlowCallAttributes
from chaos.scenario.marked_yaml import Steps
from chaos.scenario.part_rules import part_problems
from chaos.scenario.process_rules import process_problems
from chaos.scenario.toxics import EXTENSIONS, TOXIC_ATTRIBUTES
from resilience.call_tree import LINKS
from resilience.profiles import PROFILES

Problem = tuple[Steps, str]

_FAULTS: Mapping[str, type[BaseModel]] = {
    "down": Down,
    "slow_call": SlowCall,
    "kill": Kill,
    "pause": Pause,
    "messages": Messages,
}
_ATTRIBUTES: Mapping[str, type[BaseModel]] = {
    "slow_call": SlowCallAttributes,
    "kill": KillAttributes,
    "messages": MessagesAttributes,
}
_MODELS: Mapping[str, type[BaseModel]] = {"arms": Arm, "load": Load, "phases": Phases, "expect": Expectation}


def nearest(word: str, known: Iterable[str]) -> str:
    """Say which known name is nearest, if one is near, and list what is known."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"{meant}known: {', '.join(names) or 'none'}"


def known_keys(steps: Steps, data: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the keys that the mapping at `steps` of a scenario may hold; None where no mapping can stand."""
    if not steps:
        return tuple(name for name in Scenario.model_fields if name != "name")
    head, *rest = steps
    if head == "faults" and rest:
        return _fault_keys(rest, data)
    model = _MODELS.get(str(head))
    # `arms` and `expect` are lists of mappings, `load` and `phases` are mappings themselves.
    depth = 1 if head in ("arms", "expect") else 0
    return tuple(model.model_fields) if model is not None and len(rest) == depth else None


def _fault_keys(rest: list[str | int], data: Mapping[str, Any]) -> tuple[str, ...] | None:
    fault = _at(data, ("faults", rest[0]))
    kind = fault.get("type") if isinstance(fault, Mapping) else None
    if len(rest) == 1:
        return tuple(_FAULTS.get(str(kind), Toxic).model_fields)
    if rest[1:] == ["attributes"]:
        if str(kind) in _ATTRIBUTES:
            return tuple(_ATTRIBUTES[str(kind)].model_fields)
        return tuple(TOXIC_ATTRIBUTES.get(kind, ())) if kind else ()
    return None


def _at(data: Any, steps: Steps) -> Any:
    for step in steps:
        data = data[step]
    return data


def problems(scenario: Scenario, *, arms_in_file: Collection[str]) -> list[Problem]:
    """Return what contradicts itself or names what is not there.

    `arms_in_file` are the arms that expectations may name: those of the file, also where `--arms` put others in
    their place.
    """
    found = [*_arms(scenario), *_expectations(scenario, arms_in_file)]
    for index, fault in enumerate(scenario.faults):
        found.extend(_fault(("faults", index), fault))
    return [*found, *process_problems(scenario), *part_problems(scenario), *_equal_faults(scenario)]


def _arms(scenario: Scenario) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, arm in enumerate(scenario.arms):
        if arm.profile not in PROFILES:
            message = f"there is no profile {arm.profile!r}; {nearest(arm.profile, sorted(PROFILES))}"
            yield ("arms", index, "profile"), message
        if arm.name in seen:
            yield ("arms", index, "name"), f"two arms are named {arm.name!r}; give each its own name"
        seen.add(arm.name)
        if arm.handler != "async" and arm.profile != "naive":
            yield ("arms", index, "handler"), f"a {arm.handler} handler needs the profile naive: policies guard awaits"


def _fault(steps: Steps, fault: Fault) -> Iterator[Problem]:
    for index, link in enumerate(fault.links):
        if link not in LINKS:
            yield (*steps, "links", index), f"there is no link {link!r}; {nearest(link, LINKS)}"
        elif link in fault.links[:index]:
            yield (*steps, "links", index), f"{link!r} stands twice; name each link once"
    if not isinstance(fault, Toxic):
        return
    if fault.extension != (fault.type in EXTENSIONS):
        message = "only the embedded Toxiproxy has it" if fault.type in EXTENSIONS else "any Toxiproxy has it"
        yield (*steps, "extension"), f"{fault.type}: {message}; write extension: {str(not fault.extension).lower()}"
    attributes = TOXIC_ATTRIBUTES[fault.type]
    for name in fault.attributes:
        if name not in attributes:
            message = f"a {fault.type} toxic has no attribute {name!r}; {nearest(name, attributes)}"
            yield (*steps, "attributes", name), message
    for name, required in attributes.items():
        if required and name not in fault.attributes:
            yield (*steps, "attributes"), f"a {fault.type} toxic needs the attribute {name!r}"


def _equal_faults(scenario: Scenario) -> Iterator[Problem]:
    """Refuse the second of two equal faults on a link: healing either would take both out, or neither could begin."""
    seen: list[tuple[str, Fault]] = []
    for index, fault in enumerate(scenario.faults):
        if isinstance(fault, Kill | Pause | Messages):
            continue
        # Two faults are equal whichever links they stand on besides.
        where = "services" if isinstance(fault, SlowCall) else "links"
        alone = fault.model_copy(update={where: ()})
        for position, target in enumerate(fault.targets):
            if (target, alone) in seen:
                yield ("faults", index, where, position), f"{target!r} has an equal {fault.type} fault above; keep one"
        seen.extend((target, alone) for target in fault.targets)


def _expectations(scenario: Scenario, arms_in_file: Collection[str]) -> Iterator[Problem]:
    """Check the names that expectations use.

    The fault phase may be named in a scenario without faults. The phase is there on the clock either way; healthy
    needs it as the control of all others, and `--set faults=[]` must end in a verdict (the collapse that was expected
    did not happen: REFUTED), not in a complaint about the file.
    """
    for index, expectation in enumerate(scenario.expect):
        steps: Steps = ("expect", index)
        if expectation.arm not in arms_in_file:
            message = f"there is no arm {expectation.arm!r}; {nearest(expectation.arm, arms_in_file)}"
            yield (*steps, "arm"), message
        figure = FIGURES.get(expectation.figure)
        if figure is None:
            message = f"there is no figure {expectation.figure!r}; {_nearest_figure(expectation.figure)}"
            yield (*steps, "figure"), message
        elif expectation.phase not in figure.phases:
            message = f"{figure.name} is a figure of {' and '.join(figure.phases)}, not of {expectation.phase}"
            yield (*steps, "phase"), message


def _nearest_figure(word: str) -> str:
    close = difflib.get_close_matches(word, FIGURES, n=1, cutoff=0.5)
    meant = f"did you mean {close[0]!r}? " if close else ""
    # Most figures exist once a kind; naming each once keeps the list readable.
    short = dict.fromkeys(
        f"<kind>.{name.partition('.')[2]}" if figure.kind else name for name, figure in FIGURES.items()
    )
    return f"{meant}known, with checkout or browse for <kind>: {', '.join(short)}"
