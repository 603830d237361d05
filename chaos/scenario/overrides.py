"""Changes asked for on the command line: `--set phases.fault_s=5`, `--arms protected,protected`.

A change is made to the file's data before it is validated, so that every rule of a scenario also holds for it and a
wrong value is reported with the option that brought it.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from chaos.errors import ScenarioError, UsageError
from chaos.scenario.marked_yaml import Document, Steps, parse_yaml
from chaos.scenario.rules import known_keys, nearest
from resilience.profiles import PROFILES


def overridden(document: Document, sets: Sequence[str], arms: Sequence[str] | None) -> Document:
    """Return the document with each `path=value` of `sets` in it and, where given, other arms.

    A value is parsed as YAML. An arm is an arm of the file by name, or a profile; the second of one name becomes
    `name-2`. Raises UsageError: no `=`, a path that is not there, a value that is not YAML, an unknown arm.
    """
    data = copy.deepcopy(document.data)
    marks = dict(document.marks)
    for setting in sets:
        _set(data, marks, setting)
    if arms is not None:
        data["arms"] = arms_named(arms, data.get("arms"))
        marks = {steps: mark for steps, mark in marks.items() if steps[:1] != ("arms",)}
        marks["arms",] = f"--arms {','.join(arms)}"
    return Document(document.source, data, marks)


def _set(data: dict[str, Any], marks: dict[Steps, str], setting: str) -> None:
    path, equals, text = setting.partition("=")
    if not equals or not path:
        raise UsageError(f"--set {setting}: write it as path=value, e.g. --set phases.fault_s=5")
    try:
        value, _ = parse_yaml(text, f"--set {setting}")
    except ScenarioError as error:
        raise UsageError(f"--set {setting}: {text!r} is not a YAML value, e.g. 5, [] or {{latency: 200}}") from error
    *outer, last = path.split(".")
    holder: Any = data
    steps: Steps = ()
    for name in outer:
        step = _step(holder, steps, name, data, setting)
        # A key that the file leaves to its default, e.g. `phases`, is begun here.
        holder = holder.setdefault(name, {}) if isinstance(holder, dict) else holder[step]
        steps = (*steps, step)
    step = _step(holder, steps, last, data, setting)
    holder[step] = value
    steps = (*steps, step)
    for known in [other for other in marks if other[: len(steps)] == steps]:
        del marks[known]
    marks[steps] = f"--set {setting}"


def _step(holder: Any, steps: Steps, name: str, data: Mapping[str, Any], setting: str) -> int | str:
    """Return the key or index that `name` stands for in `holder`; raises UsageError where there is none."""
    here = ".".join(map(str, steps))
    if isinstance(holder, list):
        if name.isdecimal() and int(name) < len(holder):
            return int(name)
        held = f"entries 0 to {len(holder) - 1}" if holder else "no entries"
        raise UsageError(f"--set {setting}: {here} has no entry {name!r}; it has {held}")
    if not isinstance(holder, dict):
        raise UsageError(f"--set {setting}: {here} is a plain value and holds no {name!r}")
    known = dict.fromkeys([*holder, *(known_keys(steps, data) or ())])
    if name in known:
        return name
    raise UsageError(f"--set {setting}: there is no {name!r} in {here or 'a scenario'}; {nearest(name, known)}")


def arms_named(wanted: Sequence[str], in_file: Any = None) -> list[dict[str, Any]]:
    """Return an arm for each name: one of the file's, or that profile's; raises UsageError for an unknown name."""
    by_name = {arm["name"]: arm for arm in in_file or () if isinstance(arm, dict) and "name" in arm}
    arms: list[dict[str, Any]] = []
    for name in wanted:
        if name not in by_name and name not in PROFILES:
            known = dict.fromkeys([*by_name, *sorted(PROFILES)])
            raise UsageError(f"--arms {','.join(wanted)}: there is no arm or profile {name!r}; {nearest(name, known)}")
        arm = dict(by_name.get(name) or {"name": name, "profile": name})
        count = sum(other == name for other in wanted[: len(arms)]) + 1
        if count > 1:
            arm["name"] = f"{arm['name']}-{count}"
        arms.append(arm)
    return arms
