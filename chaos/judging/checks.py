"""The reasons to believe a run, or not. A verdict on thin evidence would be worth less than none.

Each check returns one piece of evidence: whether it holds, a sentence with the figures, and what to do where it does
not hold. A check that needs more than a few lines has a module of its own: `fault_seen`, `link_used`, `well_at_start`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from chaos.judging.fault_seen import fault_evidence, no_fault_evidence
from chaos.judging.figure_names import FIGURES, NEEDS_P95, NEEDS_SHARE
from chaos.judging.link_used import link_used
from chaos.judging.well_at_start import well_at_start
from chaos.observed import Lack
from chaos.records import Probe, Request
from chaos.run import Evidence, FaultWindow, LoadQuality
from chaos.scenario import JUDGED_PHASES, KINDS, Kind, Phase, Scenario, Toxic

# A tenth of what the quickest figure of a healthy shop takes: later, and the generator's queue is in the figures.
LAG_P99_MS = 10.0
# From here on the machine, not the shop, decides what a request takes.
BUSY = 0.95
SHOWN = 3

# Arm, phase, kind -> the requests that must be there.
Needs = dict[tuple[str, Phase, Kind], int]


def evidence(
    scenario: Scenario,
    *,
    requests: Sequence[Request],
    probes: Sequence[Probe],
    windows: Sequence[FaultWindow],
    load: LoadQuality,
    calls: Mapping[tuple[str, str], int | None],
    cpu_busy: float | None,
    dirty_start: str,
    dirty_end: str,
    ledger_problem: str,
    ledger_arms: Collection[str],
    beyond: Iterable[Evidence] = (),
    lacking: Sequence[Lack] = (),
) -> tuple[Evidence, ...]:
    """Return every piece of evidence of a run.

    `lacking` is what this run's components could not do or show.
    `beyond` is the evidence of faults that are on no link (`chaos.judging.beyond_links`).
    `calls` are those that each arm made over each faulted link while it was faulted (`chaos.judging.link_used`).
    `cpu_busy` is a share of all processors in the baseline, None where it was not measured. `dirty_start` and
    `dirty_end` name what of a fault, or which process, was found before the run and left after it; empty means clean.
    `ledger_problem` says why a ledger could not be read; `ledger_arms` are the arms whose ledger was.
    """
    seen = fault_evidence(scenario, probes, windows) if scenario.faults else [no_fault_evidence(scenario, probes)]
    return (
        *_fault_possible(scenario, lacking),
        *seen,
        *beyond,
        *([link_used(scenario, calls)] if scenario.faulted_links else []),
        well_at_start(scenario, requests),
        enough_requests(scenario, requests),
        load_true(scenario, requests, load, cpu_busy),
        _clean("clean_start", dirty_start, "no fault in force before the run", "run `lab down`, then run again"),
        _clean("clean_end", dirty_end, "every fault healed, nothing left over", "run `lab down` before the next run"),
        ledger_readable(scenario, ledger_problem, ledger_arms),
    )


def _fault_possible(scenario: Scenario, lacking: Sequence[Lack]) -> Iterator[Evidence]:
    if lacking or any(isinstance(fault, Toxic) and fault.extension for fault in scenario.faults):
        detail = "; ".join(one.detail for one in lacking) or "this Toxiproxy has every extension that is asked for"
        remedy = "; ".join(one.remedy for one in lacking)
        yield Evidence(name="fault_possible", holds=not lacking, detail=detail, remedy=remedy)


def enough_requests(scenario: Scenario, requests: Sequence[Request]) -> Evidence:
    """Check that each figure an expectation asks for stands on enough requests (`FigureName.needs`).

    Also where nothing is asked: each arm must have been used in each phase. A figure of the refusals alone is judged
    by their number in `chaos.judging.verdict`, not here.
    """
    counted = _count(scenario, requests)
    short = [(key, needed) for key, needed in _needs(scenario).items() if counted[key] < needed]
    used = {(arm.name, phase): sum(counted[arm.name, phase, kind] for kind in KINDS) for arm in scenario.arms
            for phase in JUDGED_PHASES}  # fmt: skip
    idle = [f"{count} requests of {arm} in {phase} ({NEEDS_SHARE} needed)" for (arm, phase), count in used.items()
            if count < NEEDS_SHARE]  # fmt: skip
    if not short and not idle:
        (arm, phase), count = min(used.items(), key=lambda item: item[1])
        detail = f"{len(requests):,} requests; the fewest are {count:,} of {arm} in {phase}"
        return Evidence(name="enough_requests", holds=True, detail=detail)
    missing = [f"{counted[key]} {key[2]} requests of {key[0]} in {key[1]} ({needed} needed)" for key, needed in short]
    listed = (missing or idle)[:SHOWN]
    more = len(missing or idle) - len(listed)
    return Evidence(
        name="enough_requests",
        holds=False,
        detail="; ".join(listed) + (f"; and {more} more" if more else ""),
        remedy=_more_requests(scenario, short[0][0], short[0][1]) if short else "give the scenario load",
    )


def _count(scenario: Scenario, requests: Sequence[Request]) -> Counter[tuple[str, Phase, Kind]]:
    """Count the requests that were sent, by arm, phase of the intended instant, and kind."""
    windows = [(phase, *scenario.phases.window(phase)) for phase in JUDGED_PHASES]
    counted: Counter[tuple[str, Phase, Kind]] = Counter()
    for request in requests:
        if request.outcome == "skipped":
            continue
        for phase, from_s, to_s in windows:
            if from_s <= request.intended_s < to_s:
                counted[request.arm, phase, request.kind] += 1
    return counted


def _needs(scenario: Scenario) -> Needs:
    needs: Needs = {}
    for arm, phase, kind, needed in _asked(scenario):
        needs[arm, phase, kind] = max(needed, needs.get((arm, phase, kind), 0))
    return needs


def _asked(scenario: Scenario) -> Iterator[tuple[str, Phase, Kind, int]]:
    present = {arm.name for arm in scenario.arms}
    loaded = scenario.load.kinds
    for expectation in scenario.expect:
        figure = FIGURES[expectation.figure]
        if expectation.arm not in present or figure.source == "ledger":
            continue
        needed = NEEDS_SHARE if figure.conditional else figure.needs
        against_baseline = figure.unit in ("ratio", "s")
        phases: set[Phase] = {expectation.phase, *(("baseline",) if against_baseline else ())}
        for kind in KINDS if figure.kind is None else (figure.kind,):
            if figure.kind is None and kind not in loaded:
                continue
            for phase in sorted(phases):
                yield expectation.arm, phase, kind, needed
    if scenario.must_not_differ:
        for arm in present:
            for phase in JUDGED_PHASES:
                for kind in loaded:
                    yield arm, phase, kind, NEEDS_P95


def _more_requests(scenario: Scenario, key: tuple[str, Phase, Kind], needed: int) -> str:
    _, phase, kind = key
    rate = float(getattr(scenario.load, f"{kind}_per_s"))
    if not rate:
        return f"set load.{kind}_per_s above 0"
    # Twice the mean: a Poisson count of 60 falls below 30 in one run of a hundred thousand.
    seconds = 2 * needed / rate
    return f"lengthen phases.{phase}_s to {max(1, round(seconds))} or raise load.{kind}_per_s ({rate:g})"


def load_true(scenario: Scenario, requests: Sequence[Request], load: LoadQuality, cpu_busy: float | None) -> Evidence:
    """Check that the generator did what the schedule says: on time, nothing skipped, every arrival to every arm."""
    rows = Counter(request.arm for request in requests)
    halves = [arm.name for arm in scenario.arms if rows[arm.name] != load.arrivals]
    wrong = []
    if load.lag_p99_ms > LAG_P99_MS:
        wrong.append(f"1 of 100 requests was sent over {load.lag_p99_ms:.1f} ms late ({LAG_P99_MS:.0f} ms allowed)")
    if load.skipped:
        wrong.append(f"{load.skipped} of {load.sent + load.skipped} requests were skipped")
    if halves:
        wrong.append(f"{', '.join(halves)} did not get each of the {load.arrivals} arrivals once")
    busy = cpu_busy is not None and cpu_busy > BUSY
    hint = f"; processors {cpu_busy:.0%} busy in the baseline" if busy else ""
    if not wrong:
        detail = f"{load.lag_p99_ms:.1f} ms late at p99, none of {load.sent:,} requests skipped{hint}"
        return Evidence(name="load_true", holds=True, detail=detail)
    if busy:
        remedy = "the processors are full: stop what else runs, or lower the load"
    elif load.skipped:
        remedy = f"raise load.max_in_flight ({scenario.load.max_in_flight}) or lower the load"
    else:
        remedy = "lower the load, or run on a machine with less else to do"
    return Evidence(name="load_true", holds=False, detail="; ".join(wrong) + hint, remedy=remedy)


def ledger_readable(scenario: Scenario, problem: str, arms: Collection[str]) -> Evidence:
    """Check that the books of every arm could be read."""
    missing = [arm.name for arm in scenario.arms if arm.name not in arms]
    if not problem and not missing:
        told = ", events, notifications" if "events" in scenario.needs else ""
        return Evidence(
            name="ledger_readable", holds=True, detail=f"orders, charges{told} and the bank's list of every arm"
        )
    detail = problem or f"there is no ledger of {', '.join(missing)}"
    return Evidence(
        name="ledger_readable",
        holds=False,
        detail=detail,
        remedy="see the logs of postgres, bank and kafka, then run again",
    )


def _clean(name: str, dirt: str, clean: str, remedy: str) -> Evidence:
    return Evidence(name=name, holds=not dirt, detail=dirt or clean, remedy=remedy if dirt else "")
