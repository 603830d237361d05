"""From what was observed to run.json: figures, differences, evidence and verdict put together.

Everything here is computed from the records, so a finished run can be concluded again.
"""

import subprocess
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from chaos.engines.topology import SLOTS
from chaos.errors import RunFolderError
from chaos.judging.beyond_links import beyond_links
from chaos.judging.checks import evidence
from chaos.judging.figures import figures, load_quality
from chaos.judging.link_used import Calls, calls_in_fault
from chaos.judging.slow_calls_seen import Counts, slow_calls
from chaos.judging.stats import differences
from chaos.judging.verdict import conclude as verdict_on
from chaos.judging.verdict import judge
from chaos.observed import Observed
from chaos.recording import metrics_file
from chaos.recording.machine import machine_facts
from chaos.records import Request, read_requests
from chaos.run import ArmInfo, Component, Resources, Run
from chaos.run_folder import RunFolder
from chaos.scenario import Scenario
from resilience.link import describe
from resilience.profiles import PROFILES

# What a service or the generator is made of; the rest of the lock file does not change a figure.
PACKAGES = ("fastapi", "uvicorn", "asyncpg", "redis", "aiohttp", "tenacity", "locust", "toxiproxy-python")
GIT_TIMEOUT_S = 5.0


def conclude(
    scenario: Scenario,
    observed: Observed,
    folder: RunFolder,
    *,
    seed: int,
    started_at: datetime,
    root: Path,
    repeat: str,
) -> Run:
    """Judge a run; reads requests.csv and metrics.jsonl.gz of its folder. Raises RunFolderError on damaged requests."""
    requests = _requests(folder.requests_csv)
    measured = figures(requests, scenario, observed.ledger)
    found = differences(requests, scenario, seed) if len(scenario.arms) > 1 else ()
    load = load_quality(requests, observed.arrivals, judged_from_s=scenario.phases.settle_s)
    believed = evidence(
        scenario,
        requests=requests,
        probes=observed.probes,
        windows=observed.fault_windows,
        load=load,
        calls=_calls(scenario, folder.metrics_jsonl),
        beyond=beyond_links(scenario, observed, _slow_calls(scenario, folder.metrics_jsonl)),
        cpu_busy=observed.cpu_busy_baseline,
        lacking=observed.lacking,
        dirty_start=observed.dirty_start,
        dirty_end="; ".join(filter(None, (observed.dirty_end, _left(observed)))),
        ledger_problem=observed.ledger_problem,
        ledger_arms=observed.ledger,
    )
    judged = judge(scenario, measured, found, believed)
    return Run(
        scenario=scenario,
        seed=seed,
        started_at=started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        duration_s=observed.duration_s,
        engine=observed.engine,
        components=(*observed.components, *_packages()),
        machine=machine_facts(),
        commit=_commit(root),
        arms=_arms(scenario),
        timeline=tuple(sorted(observed.timeline, key=lambda phase: phase.from_s)),
        fault_windows=tuple(observed.fault_windows),
        outages=tuple(observed.outages),
        figures=measured,
        differences=found,
        expectations=judged,
        evidence=believed,
        ledger=observed.ledger,
        load=load,
        resources=_resources(observed),
        verdict=verdict_on(judged, believed, observed.ledger),
        repeat=repeat,
    )


def _resources(observed: Observed) -> Resources:
    return Resources(
        ready_s=observed.ready_s,
        stop_s=observed.stop_s,
        cpu_busy_baseline=observed.cpu_busy_baseline,
        memory_peak_mib=observed.memory_peak_mib,
        memory_kind=observed.memory_kind,
    )


def _requests(path: Path) -> list[Request]:
    try:
        return read_requests(path)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RunFolderError(f"{path}: damaged, {error}; run the scenario again") from error


def _calls(scenario: Scenario, path: Path) -> Calls:
    """Return the calls over the faulted links; none is known where the samples cannot be read, and that is evidence."""
    try:
        return calls_in_fault(scenario, metrics_file.read(path))
    except (OSError, KeyError, TypeError, ValueError):
        return {}


def _slow_calls(scenario: Scenario, path: Path) -> Counts:
    try:
        return slow_calls(scenario, metrics_file.read(path))
    except (OSError, KeyError, TypeError, ValueError):
        return slow_calls(scenario, ())


def _left(observed: Observed) -> str:
    return f"still running: {', '.join(observed.left_running)}" if observed.left_running else ""


def _packages() -> tuple[Component, ...]:
    return tuple(Component(name=name, provider="Python package", version=version(name)) for name in PACKAGES)


def _arms(scenario: Scenario) -> tuple[ArmInfo, ...]:
    return tuple(
        ArmInfo(
            name=arm.name,
            slot=slot,
            profile=arm.profile,
            handler=arm.handler,
            settings={link: describe(settings) for link, settings in PROFILES[arm.profile].links.items()},
        )
        for slot, arm in zip(SLOTS, scenario.arms, strict=False)
    )


def _commit(root: Path) -> str:
    """Return the commit of the checkout, with a mark where files differ from it; empty outside a checkout."""
    command = ("git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=9")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=True)  # noqa: S603 - our own words
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
