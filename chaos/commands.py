"""What each command of the command line does. Printing is here; deciding is elsewhere."""

import os
import shlex
from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from chaos import profile_page
from chaos.engines.components import FORCE_KAFKA, FORCE_TOXIPROXY
from chaos.engines.doctor import checks
from chaos.errors import LabError, UsageError
from chaos.interrupt import Interrupted, run_interruptible
from chaos.judging.conclude import conclude
from chaos.report import write_report
from chaos.run import Run
from chaos.run_folder import RunFolder, find_run
from chaos.runner import Runner
from chaos.scenario import MAX_ARMS, Arm, Scenario
from chaos.scenario.file import list_scenarios as read_scenarios
from chaos.scenario.file import load_scenario, scenario_path
from chaos.scenario.overrides import arms_named
from chaos.terminal import Terminal, open_terminal
from chaos.watch.command import serve
from resilience.clock import SystemClock
from resilience.lookup import unknown
from resilience.profiles import PROFILES

# What the environment chooses of a run's components; another choice is another run.
CHOICES = (FORCE_TOXIPROXY, FORCE_KAFKA)


def list_scenarios(options: Namespace) -> int:
    """Print each scenario with its question; a broken file is named, and makes the command fail."""
    listed = read_scenarios(root_of(options))
    width = max((len(one.name) for one in listed), default=0)
    for one in listed:
        print(f"{one.name:<{width}}  {one.scenario.question if one.scenario else one.problem}")
    return 0 if all(one.scenario for one in listed) else LabError.exit_code


def validate(options: Namespace) -> int:
    """Say that a scenario file is right; raises ScenarioError where it is not."""
    scenario = load_scenario(str(Path(options.file)), root=root_of(options))
    print(f"{options.file}: {len(scenario.expect)} expectations, {len(scenario.faults)} faults, {_arms(scenario)}")
    return 0


def profiles(options: Namespace) -> int:
    """Print the profiles, or all that one of them sets; a contradiction makes the command fail."""
    if options.name is None:
        shown, chosen = profile_page.overview(), tuple(PROFILES.values())
    elif options.name in PROFILES:
        shown, chosen = profile_page.page(PROFILES[options.name]), (PROFILES[options.name],)
    else:
        raise UsageError(unknown("profile", options.name, PROFILES))
    for line in shown:
        print(line)
    return LabError.exit_code if profile_page.contradicts(*chosen) else 0


def run(options: Namespace) -> int:
    """Run a scenario; returns the verdict's exit code."""
    root = root_of(options)
    names = _profiles(options.arms) if options.arms else None
    scenario = load_scenario(options.name, root=root, sets=options.sets, arms=names)
    started_at = datetime.fromtimestamp(SystemClock().wall(), UTC)
    source = None if options.sets or names else scenario_path(options.name, root)
    folder = RunFolder.create(_runs(options), scenario.name, started_at)
    with folder.kept_if_used(), open_terminal() as terminal:
        try:
            folder.write_scenario(scenario, source)
            judged = run_interruptible(_run(options, scenario, folder, started_at, terminal))
        except Interrupted as stop:
            terminal.note(f"{stop}; everything is stopped, logs are in {folder.shown()}")
            return stop.exit_code
        terminal.finished(judged, folder.path)
    return judged.verdict.exit_code


async def _run(
    options: Namespace, scenario: Scenario, folder: RunFolder, started_at: datetime, terminal: Terminal
) -> Run:
    """Run and judge. Once everything is recorded nothing is awaited, so a signal no longer takes the result away."""
    root = root_of(options)
    runner = Runner(scenario, seed=options.seed, root=root, folder=folder, terminal=terminal, engine=options.engine)
    observed = await runner.run()
    folder.write_probes(observed.probes)
    judged = conclude(
        scenario,
        observed,
        folder,
        seed=options.seed,
        started_at=started_at,
        root=root,
        repeat=repeat_of(options, os.environ),
    )
    folder.finish(judged)
    write_report(folder.path)
    folder.make_latest()
    return judged


def repeat_of(options: Namespace, env: Mapping[str, str]) -> str:
    """Return the command that asks the same again, of the same components."""
    chosen = "".join(f"{name}={shlex.quote(env[name])} " for name in CHOICES if env.get(name))
    if not options.arms and not options.sets and Path(options.name).name == options.name:
        engine = f"ENGINE={options.engine} " if options.engine else ""
        return f"{chosen}{engine}make scenario-{options.name} SEED={options.seed}"
    words = ["lab", "run", options.name, "--seed", str(options.seed)]
    words += ["--engine", options.engine] if options.engine else []
    words += ["--arms", options.arms] if options.arms else []
    for change in options.sets:
        words += ["--set", change]
    return chosen + shlex.join(words)


def doctor(options: Namespace) -> int:
    """Print what this machine has and lacks; exit code 3 where something a run needs is missing."""
    found = checks(root_of(options))
    width = max(len(check.name) for check in found)
    for check in found:
        print(f"{'ok  ' if check.ok else 'FIX '} {check.name:<{width}}  {check.detail}")
        if check.remedy:
            print(f"     {'':<{width}}  -> {check.remedy}")
    return 0 if all(check.ok for check in found) else LabError.exit_code


def report(options: Namespace) -> int:
    """Write a run's report again, and print where it is."""
    folder = find_run(_runs(options), options.run)
    print(write_report(folder.path))
    return 0


def watch(options: Namespace) -> int:
    """Serve the page that shows the dashboards, until a signal comes; raises PortTaken."""
    return run_interruptible(
        serve(root_of(options), _runs(options), options.port, lambda line: print(line, flush=True))
    )


def root_of(options: Namespace) -> Path:
    """Return the checkout that is meant; raises UsageError where there is none."""
    root: Path = options.root.resolve()
    if not (root / "compose.yaml").is_file():
        raise UsageError(f"{root}: no compose.yaml here; go into the checkout, or name it with --root")
    return root


def _runs(options: Namespace) -> Path:
    runs: Path | None = options.runs
    return runs if runs is not None else root_of(options) / "runs"


def _profiles(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not 1 <= len(names) <= MAX_ARMS:
        raise UsageError(f"--arms {text}: one to {MAX_ARMS} profiles, comma between")
    return names


def arms_of(text: str) -> list[Arm]:
    """Return the arms that `--arms` names; raises UsageError."""
    return [Arm.model_validate(arm) for arm in arms_named(_profiles(text))]


def _arms(scenario: Scenario) -> str:
    return "arms " + ", ".join(arm.name for arm in scenario.arms)
