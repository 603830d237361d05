"""How a reader goes on from a run: repeat it, vary it, doubt it, write its page again. Only commands that exist."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from chaos.run import Run
from chaos.scenario import Scenario, Toxic
from chaos.scenario.file import SUFFIXES

# What stands before a command: LAB_KAFKA=tansu.
_CHOSEN = re.compile(r"[A-Z_]+=")


@dataclass(frozen=True, slots=True)
class Command:
    """A line for the shell, and what it answers."""

    line: str
    answers: str


def commands(run: Run, folder_name: str) -> tuple[Command, ...]:
    """Return the commands that go on from a run whose folder is `folder_name` below the scenario's."""
    name = _asked_for(run)
    # A file from elsewhere has no make target.
    plain = "lab run {} --seed {}" if "/" in name or name.endswith(SUFFIXES) else "make scenario-{} SEED={}"
    again = plain.format(shlex.quote(name), run.seed)
    found = [Command(run.repeat or again, "the same arrivals, the same fault")]
    if run.repeat != again:
        found.append(Command(again, "the scenario as its file has it"))
    found.append(Command(plain.format(shlex.quote(name), run.seed + 1), "is it so under other arrivals?"))
    name = shlex.quote(name)
    found += [
        Command(f"lab run {name} --seed {run.seed} --set {change}", why) for change, why in _changes(run.scenario)
    ]
    strongest = run.arms[-1].profile if run.arms else run.scenario.arms[-1].profile
    found.append(
        Command(
            f"lab run {name} --seed {run.seed} --arms {strongest},{strongest}",
            "two equal arms: a true lab shows no difference",
        )
    )
    if run.scenario.faults:
        found.append(Command(f"lab run {name} --seed {run.seed} --set 'faults=[]'", "the same without the fault"))
    found.append(Command(f"lab report {run.scenario.name}/{folder_name}", "write this page again from its folder"))
    return tuple(found)


def _asked_for(run: Run) -> str:
    """Return what the scenario was called by: its name, or the path of a file outside the scenario folder."""
    words = [word for word in shlex.split(run.repeat) if not _CHOSEN.match(word)]
    return words[2] if words[:2] == ["lab", "run"] else run.scenario.name


def _changes(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield changes of the fault's size, each with the question it answers."""
    for index, fault in enumerate(scenario.faults):
        if isinstance(fault, Toxic) and fault.attributes.get("latency", 0) >= 4:  # noqa: PLR2004 - a quarter of it is still a delay
            yield f"faults.{index}.attributes.latency={fault.attributes['latency'] // 4}", "how slow is too slow?"
            return
        if isinstance(fault, Toxic) and fault.attributes.get("rate"):
            yield f"faults.{index}.attributes.rate={fault.attributes['rate'] * 4}", "how narrow is too narrow?"
            return
    if scenario.faults:
        yield f"phases.fault_s={scenario.phases.fault_s / 2:g}", "does a shorter fault hurt less?"
    elif scenario.load.checkout_per_s:
        yield f"load.checkout_per_s={scenario.load.checkout_per_s * 2:g}", "how much can it carry?"
