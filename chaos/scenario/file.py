"""Reads a scenario from its YAML file, and says file, line and field of whatever is wrong with it.

The name of a scenario is the name of its file. Types and bounds are the models' (`chaos.scenario.model`), names and
relations are `chaos.scenario.rules`'; both are reported with the place where the value was written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from chaos.errors import LabError, ScenarioError, UsageError
from chaos.scenario import Scenario
from chaos.scenario.marked_yaml import Document, read_document
from chaos.scenario.overrides import overridden
from chaos.scenario.problems import pydantic_problems, scenario_error
from chaos.scenario.rules import nearest, problems

FOLDER = Path("chaos", "scenarios")
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Listed:
    """A file of the scenario folder: its scenario, or the message that says why it is none."""

    name: str
    path: Path
    scenario: Scenario | None
    problem: str = ""


def list_scenarios(root: Path) -> tuple[Listed, ...]:
    """Return the scenarios below the project's `root` by name; a broken file is listed with its problem."""
    found = []
    for path in _files(root):
        try:
            found.append(Listed(path.stem, path, load_scenario(path.stem, root=root)))
        except LabError as error:
            found.append(Listed(path.stem, path, None, str(error)))
    return tuple(found)


def load_scenario(
    name_or_path: str, *, root: Path, sets: Sequence[str] = (), arms: Sequence[str] | None = None
) -> Scenario:
    """Return the scenario of that name below the project's `root`, or of that file, with the overrides applied.

    `sets` and `arms` are those of the command line (`chaos.scenario.overrides`). Raises UsageError (no such scenario or
    file, an override that names nothing) and ScenarioError (what is wrong in the file, with line and field).
    """
    path, shown_as = _path(name_or_path, root)
    document = _read(path, shown_as)
    as_written = _validated(document, path.stem)
    if not sets and arms is None:
        return as_written
    changed = overridden(document, sets, arms)
    if arms is None:
        return _validated(changed, path.stem)
    scenario = _validated(changed, path.stem, arms_in_file=[arm.name for arm in as_written.arms])
    return _without_absent_arms(scenario) if scenario.one_profile else scenario


def _without_absent_arms(scenario: Scenario) -> Scenario:
    """Return an A/A run's scenario without the expectations on arms that it leaves out.

    An A/A run asks something else, whether the lab sees a difference where there is none (`chaos.judging.differing`).
    In any other run these expectations stay, and are NOT PROVEN: what they ask was not tried.
    """
    present = {arm.name for arm in scenario.arms}
    kept = tuple(expectation for expectation in scenario.expect if expectation.arm in present)
    return scenario.model_copy(update={"expect": kept})


def _read(path: Path, shown_as: str) -> Document:
    """Return the data of a scenario file, its short forms written out, not yet validated."""
    document = read_document(path, shown_as=shown_as)
    if "name" in document.data:
        raise ScenarioError(f"{document.where(('name',))}: name: a scenario is named by its file; take this line out")
    arms = document.data.get("arms")
    if not isinstance(arms, list):
        return document
    # An arm that is a plain string is the arm of that name and profile.
    written_out = [{"name": arm, "profile": arm} if isinstance(arm, str) else arm for arm in arms]
    return replace(document, data={**document.data, "arms": written_out})


def _validated(document: Document, name: str, *, arms_in_file: Sequence[str] | None = None) -> Scenario:
    """Return the scenario; raises ScenarioError. `arms_in_file` are the arms that expectations may name."""
    data = {"name": name, **document.data}
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise scenario_error(document, pydantic_problems(error, data)) from error
    names = arms_in_file if arms_in_file is not None else [arm.name for arm in scenario.arms]
    found = problems(scenario, arms_in_file=names)
    if found:
        raise scenario_error(document, found)
    return scenario


def scenario_path(name_or_path: str, root: Path) -> Path:
    """Return the file of a scenario; raises UsageError."""
    return _path(name_or_path, root)[0]


def _path(name_or_path: str, root: Path) -> tuple[Path, str]:
    """Return the file of a scenario and the name under which messages show it."""
    if Path(name_or_path).name != name_or_path or name_or_path.endswith(SUFFIXES):
        path = Path(name_or_path)
        if not path.is_file():
            raise UsageError(f"there is no file {name_or_path}")
        return path, name_or_path
    known = {path.stem: path for path in _files(root)}
    if name_or_path not in known:
        raise UsageError(f"there is no scenario {name_or_path!r}; {nearest(name_or_path, known)}")
    path = known[name_or_path]
    return path, path.relative_to(root).as_posix()


def _files(root: Path) -> list[Path]:
    return sorted(path for path in (root / FOLDER).glob("*") if path.suffix in SUFFIXES)
