"""Runs of the scenarios that compare handlers, made up second by second, with figures that can be worked out by hand.

Every arm answers all there is in 20 ms, but for the blocking one during the fault: it answers the first 100 checkouts
in 500 ms, lets all others wait until the customer gives up, and its event loop answers nobody, the recorder included.
"""

import csv
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from chaos.judging.figures import figures, load_quality
from chaos.recording import metrics_file
from chaos.recording.metrics_file import Scrape
from chaos.records import COLUMNS, Request
from chaos.run import ArmInfo, FaultWindow, Resources, Run, Verdict, Word
from chaos.run_folder import RunFolder
from chaos.scenario import Kind, Scenario
from chaos.scenario.file import load_scenario

ROOT = Path(__file__).parents[3]
STEP_S = 0.5
# As the recorder: its looks fall between the halves of a second.
SHIFT_S = 0.25
HANDLED_PER_S = {"async": 21, "def": 21, "blocking": 6}


def scenario(name: str) -> Scenario:
    return load_scenario(name, root=ROOT)


def requests(asked: Scenario) -> Iterator[Request]:
    from_s, to_s = asked.phases.window("fault")
    rates: dict[Kind, float] = {"checkout": asked.load.checkout_per_s, "list": asked.load.list_per_s}
    for kind, per_s in rates.items():
        for seq in range(int(asked.phases.load_s * per_s)):
            at_s = seq / per_s
            for arm in asked.arms:
                took_ms, answered = 20.0, True
                if arm.name == "blocking" and from_s <= at_s < to_s:
                    answered = kind == "checkout" and seq - from_s * per_s < 100
                    took_ms = 500.0 if answered else asked.load.patience_s * 1000
                yield Request(
                    arm=arm.name, kind=kind, seq=seq if kind == "checkout" else 100_000 + seq, intended_s=at_s,
                    lag_ms=0.5, latency_ms=took_ms, status=200 if answered else 0,
                    outcome="answered" if answered else "gave_up", key=f"7-{seq}-{arm.name}", order_id="",
                    retry_after_s=None, stale=False,
                )  # fmt: skip


def scrapes(asked: Scenario) -> Iterator[Scrape]:
    from_s, to_s = asked.phases.window("fault")
    for tick in range(int(asked.phases.load_s / STEP_S)):
        at_s = tick * STEP_S + SHIFT_S
        for arm in asked.arms:
            inside = from_s <= at_s < to_s
            labels = f'service="orders",arm="{arm.name}"'
            handled = HANDLED_PER_S[arm.name] * (at_s - from_s)
            calls = f'resilience_calls_total{{{labels},link="orders_to_inventory",outcome="success"}}'
            yield Scrape(at_s, "orders", arm.name, {calls: 1000 + handled, "event_loop_lag_seconds_max{}": 9.0})
            if arm.name == "blocking" and inside:
                yield Scrape(at_s, "inventory", arm.name, None, "no answer within 0.4 s")
                continue
            yield Scrape(
                at_s, "inventory", arm.name, _own(arm.name, busy=inside), buckets=_buckets(arm.name, at_s, to_s)
            )


def _own(arm: str, *, busy: bool) -> dict[str, float]:
    labels = f'service="inventory",arm="{arm}"'
    return {
        f"event_loop_lag_seconds_max{{{labels}}}": 0.012 if busy else 0.008,
        f"thread_tokens{{{labels}}}": 40,
        f"thread_tokens_used{{{labels}}}": 7 if busy and arm == "def" else 0,
        f"thread_tokens_waiting{{{labels}}}": 0,
        f"db_pool_size{{{labels}}}": 10,
    }


def _buckets(arm: str, at_s: float, healed_s: float) -> dict[str, dict[str, int]]:
    late = arm == "blocking" and healed_s <= at_s < healed_s + STEP_S
    return {
        f'event_loop_lag_seconds{{arm="{arm}",service="inventory"}}': {
            "0.008": int(at_s),
            **({"2.048": 7} if late else {}),
        }
    }


def make_run(name: str, word: Word, rows: list[Request]) -> Run:
    asked = scenario(name)
    from_s, to_s = asked.phases.window("fault")
    links = asked.faulted_links
    return Run(
        scenario=asked, seed=7, started_at="2026-11-25T06:40:12Z", duration_s=70.0, engine="local", components=(),
        machine={"cores": "2"}, commit="1a2b3c4d5e6f7081",
        arms=tuple(
            ArmInfo(name=arm.name, slot=slot, profile=arm.profile, handler=arm.handler, settings={})
            for slot, arm in zip("abc", asked.arms, strict=True)
        ),
        timeline=(), fault_windows=(FaultWindow(title="slow", links=links, from_s=from_s, to_s=to_s, healed_s=to_s),),
        figures=figures(rows, asked, {}), differences=(), expectations=(), evidence=(), ledger={},
        load=load_quality(rows, len({row.seq for row in rows}), judged_from_s=0),
        resources=Resources(ready_s=8.4, stop_s=1.2, cpu_busy_baseline=0.4, memory_peak_mib=900.0, memory_kind="pss"),
        verdict=Verdict(word=word, reasons=("as made up",), held=8, expected=9),
        repeat=f"make scenario-{name} SEED=7",
    )  # fmt: skip


def write_folder(runs: Path, name: str, word: Word = "CONFIRMED") -> Path:
    """Write the folder of a made-up run below `runs`, make it the latest, and return its path."""
    folder = RunFolder(runs / name / "2026-11-25T064012Z")
    folder.logs.mkdir(parents=True)
    asked = scenario(name)
    rows = list(requests(asked))
    with folder.requests_csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(asdict(row) | {"retry_after_s": "", "stale": 0} for row in rows)
    metrics_file.append(folder.metrics_jsonl, list(scrapes(asked)))
    folder.scenario_yaml.write_text("question: made up\n")
    folder.report_html.write_text("the full report\n")
    folder.finish(make_run(name, word, rows))
    folder.make_latest()
    return folder.path
