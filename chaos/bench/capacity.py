"""What one arm carries on this machine, and which process it is that can do no more.

    make capacity RATES='100 150 200'

The whole shop with events and one arm, protected. Checkouts come at a rising rate, each rate for some seconds, until
more than one of 100 customers is turned away, fails or gives up. The bank gets more slots than its usual 8: else its 80
charges a second would be the answer. What a checkout costs is processor time from the kernel, by who spent it.
"""

import os
import sys
import tempfile
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chaos.bench.spending import Spent, cpu_s, refused
from chaos.engines.choice import new_engine
from chaos.engines.running import LocalLab
from chaos.errors import LabError, UsageError
from chaos.interrupt import run_interruptible
from chaos.judging.quantiles import percentile
from chaos.option_numbers import number
from chaos.recording.load import LoadPlan, LoadProcess
from chaos.records import Request, read_requests
from chaos.scenario import Arm, Load
from chaos.scenario.parts import Part
from resilience.clock import SystemClock

ROOT = Path(__file__).resolve().parents[2]
ARM = "protected"
BANK_SLOTS = 100
RATES_PER_S = (25.0, 50.0, 75.0, 100.0, 125.0, 150.0, 175.0, 200.0, 225.0, 250.0)
STEP_S = 10.0
# Connections are opened and the interpreter's caches filled before anybody counts.
WARM_UP_S = 4.0
# A pause of the machine turns some away at any rate; more than these, and it is the rate.
LOST_SHARE = 0.01
LEAD_S = 0.3
AROUND_S = 30.0
SEED = 7
CORES = os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Step:
    """One rate. `outcomes` counts requests, latencies and lag are in ms; `cpu_s` is processor time by process."""

    rate_per_s: float
    seconds: float
    outcomes: Mapping[str, int]
    p50_ms: float
    p99_ms: float
    lag_p99_ms: float
    cpu_s: Spent
    refused_by: Spent

    @property
    def turned_away(self) -> int:
        """Return how many customers got no order."""
        return sum(self.outcomes.values()) - self.outcomes.get("answered", 0)

    @property
    def busy(self) -> float:
        """Return the share of all cores that the lab took."""
        return sum(self.cpu_s.values()) / self.seconds / CORES


async def climb(rates_per_s: Sequence[float], folder: Path) -> list[Step]:
    """Start the shop and raise the rate until too many are turned away; raises LabError."""
    env = {**os.environ, "LAB_WATCH": "0", "LAB_BANK_SLOTS": str(BANK_SLOTS)}
    arms = (Arm(name=ARM, profile=ARM),)
    needs: tuple[Part, ...] = ("events",)
    steps: list[Step] = []
    logs = folder / "logs"
    logs.mkdir()
    async with new_engine(ROOT, arms, logs, _say, env=env, name="local", needs=needs) as lab:
        if not isinstance(lab, LocalLab):
            raise UsageError("only the local engine shows which process spends what")
        await _step(rates_per_s[0], WARM_UP_S, lab, folder)
        _say(head())
        for rate_per_s in rates_per_s:
            steps.append(await _step(rate_per_s, STEP_S, lab, folder))
            _say(row(steps[-1]))
            if steps[-1].turned_away > LOST_SHARE * sum(steps[-1].outcomes.values()):
                break
    return steps


async def _step(rate_per_s: float, seconds: float, lab: LocalLab, folder: Path) -> Step:
    load = Load(checkout_per_s=rate_per_s, browse_per_s=0, repeat_share=0)
    url = lab.service_url(ARM, "gateway")
    plan = LoadPlan(seed=SEED, arms={ARM: url}, load=load, duration_s=seconds, run=f"{rate_per_s:g}-{seconds:g}")
    async with LoadProcess(plan, root=ROOT, folder=folder, log=folder / "locust.log", mark=lab.mark) as process:
        await process.ready()
        before = cpu_s(lab), await refused(lab)
        process.go(SystemClock().wall() + LEAD_S)
        await process.wait_done(seconds + AROUND_S)
        after = cpu_s(lab), await refused(lab)
    grown = [Counter(late) - Counter(early) for early, late in zip(before, after, strict=True)]
    return _told(rate_per_s, seconds, read_requests(folder / "requests.csv"), *grown)


def _told(
    rate_per_s: float, seconds: float, requests: Sequence[Request], cpu_s: Counter[str], refused: Counter[str]
) -> Step:
    latencies_ms = np.array([one.latency_ms for one in requests if one.outcome == "answered"] or [0.0])
    lags_ms = np.array([one.lag_ms for one in requests if one.outcome != "skipped"] or [0.0])
    return Step(
        rate_per_s,
        seconds,
        Counter(one.outcome for one in requests),
        percentile(latencies_ms, 0.50),
        percentile(latencies_ms, 0.99),
        percentile(lags_ms, 0.99),
        cpu_s,
        refused,
    )


def head() -> str:
    """Return the head of the table."""
    return (
        f"{'asked':>6} {'answered':>9} {'turned away':>12} {'p50':>8} {'p99':>8} {'late':>7} {'busy':>6}"
        "   processor time of a checkout, ms"
    )


def row(step: Step) -> str:
    """Return one rate as a line, those who spent most first."""
    answered = step.outcomes.get("answered", 0)
    shares = sorted(step.cpu_s.items(), key=lambda share: -share[1])
    spent = ", ".join(f"{name} {cpu_s * 1000 / answered:.2f}" for name, cpu_s in shares if answered)
    refused = "".join(f"; refused: {count:.0f} by the {who}" for who, count in step.refused_by.items())
    return (
        f"{step.rate_per_s:>4g}/s {answered / step.seconds:>7.1f}/s {step.turned_away:>12,} {step.p50_ms:>5,.0f} ms"
        f" {step.p99_ms:>5,.0f} ms {step.lag_p99_ms:>4,.0f} ms {step.busy:>6.0%}   {spent}{refused}"
    )


def ending(steps: Sequence[Step]) -> str:
    """Return the last line: the most that were answered a second, and the most before the first was turned away."""
    answered = [step.outcomes.get("answered", 0) / step.seconds for step in steps]
    first = next((index for index, step in enumerate(steps) if step.turned_away), len(steps))
    before = max(answered[:first], default=0)
    return f"{max(answered):.0f} checkouts a second at most, {before:.0f} before the first was turned away"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Climb, and print what was reached; returns the exit code."""
    parser = ArgumentParser(prog="capacity", description="What one arm carries: checkouts a second.")
    parser.add_argument("rates", nargs="*", type=number(1, 500), default=RATES_PER_S, help="a second, rising")
    rates_per_s = parser.parse_args().rates
    try:
        with tempfile.TemporaryDirectory(prefix="capacity-") as folder:
            _say(ending(run_interruptible(climb(rates_per_s, Path(folder)))))
    except LabError as error:
        sys.stderr.write(f"capacity: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
